/** Our resources and our operator on a real control plane: its schema checks, its CEL, its server-side apply. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { apiVersion, customResourceDefinitions as definitions } from '../../src/api/index.ts';
import {
  configMaps,
  createKubeClient,
  customResourceDefinitions,
  type KubeClient,
  type KubeObject,
  loadClusterAccess,
  namespaces,
  resourceType,
  services,
  statefulSets,
} from '../../src/kube/index.ts';
import { startOperator } from '../../src/operator/index.ts';
import { nodeNetwork } from '../../src/platform/index.ts';
import { badChanges, badResources, refusalOf } from '../operator/bad-resources.ts';
import { realDeps } from '../support/deps.ts';
import { type RunningKubernetes, startRealKubernetes } from '../support/real-kubernetes.ts';

let kubernetes: RunningKubernetes;
let client: KubeClient;

async function until<Value>(what: string, ask: () => Promise<Value | undefined>, timeoutMs = 30_000): Promise<Value> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

beforeAll(async () => {
  kubernetes = await startRealKubernetes();
  const access = await loadClusterAccess({ file: kubernetes.kubeconfig });
  if (!access.ok) throw new Error(access.problem);
  client = createKubeClient(access.value, realDeps);
  for (const definition of definitions()) {
    const object = definition as unknown as KubeObject;
    const answer = await client.serverSideApply(customResourceDefinitions, object as never, {
      fieldManager: 'conformance',
      force: true,
    });
    if (!answer.ok) throw new Error(answer.problem.message);
  }
  await until('the definitions', async () => {
    const answer = await client.list(customResourceDefinitions);
    const established = (answer.ok ? answer.value.items : []).filter(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True'),
    );
    return established.length >= 3 ? true : undefined;
  });
});
afterAll(async () => {
  client?.close();
  await kubernetes?.stop();
});

test('the definitions are structural, and their rules are accepted', async () => {
  const answer = await client.list(customResourceDefinitions);
  const conditions = (answer.ok ? answer.value.items : []).flatMap(({ status }) => status?.conditions ?? []);
  expect(conditions.filter(({ type }) => type === 'NonStructuralSchema')).toEqual([]);
});

describe('the API server refuses, and names the field', () => {
  test.each([...badResources, ...badChanges].map((bad) => [bad.what, bad] as const))('%s', async (_what, bad) => {
    expect(await refusalOf(bad, client)).toContain(bad.names);
  });
});

test('the operator makes the objects of the quick start, writes nothing more, and puts back what is deleted', async () => {
  const namespace = 'quick-start';
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const operator = startOperator(
    { images: { embedded: 'hikube-kafka:test', apache: 'apache/kafka:test' }, identity: 'conformance', namespace },
    { ...realDeps, client, network: nodeNetwork() },
  );
  try {
    const text = readFileSync(join(resolve(import.meta.dirname, '../..'), 'manifests/quick-start.yaml'), 'utf8');
    for (const document of parseAllDocuments(text)) {
      const { kind, metadata, spec } = document.toJS() as KubeObject & { spec: object };
      const plural = `${kind.toLowerCase()}s`;
      const type = resourceType<KubeObject & { spec: object }>({ apiVersion, kind, plural, namespaced: true });
      const object = { metadata: { name: metadata.name, namespace }, spec };
      const answer = await client.serverSideApply(type, object, { fieldManager: 'person' });
      expect(answer.ok, JSON.stringify(answer)).toBe(true);
    }
    await until('the StatefulSets', async () => {
      const answer = await client.list(statefulSets, { namespace });
      return answer.ok && answer.value.items.length === 2 ? true : undefined;
    });
    const writes = (): number =>
      (operator.metrics().find(({ name }) => name === 'hikube_operator_writes_total')?.samples ?? []).reduce(
        (sum, { value }) => sum + value,
        0,
      );
    // Claims and pods come in the next seconds; then all is said.
    let before = -1;
    await until('the writes to end', async () => {
      await new Promise((done) => setTimeout(done, 3_000));
      const now = writes();
      const isQuiet = now === before;
      before = now;
      return isQuiet ? true : undefined;
    });
    // Passes go on every five seconds while the pods wait for a node.
    await new Promise((done) => setTimeout(done, 11_000));
    expect(writes()).toBe(before);

    await client.delete(services, { namespace, name: 'example-kafka-bootstrap' });
    await client.mergePatch(configMaps, { namespace, name: 'example-kafka' }, { data: { 'server-0.properties': 'x' } });
    await until('what was deleted and changed', async () => {
      const service = await client.get(services, { namespace, name: 'example-kafka-bootstrap' });
      const map = await client.get(configMaps, { namespace, name: 'example-kafka' });
      return service.ok && map.ok && map.value.data?.['server-0.properties']?.startsWith('broker.id=0')
        ? true
        : undefined;
    });
  } finally {
    await operator.stop();
  }
});
