import {
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  type V1ConfigMap,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, type Running, startedServer, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
let running: Running;
const config = new KubeConfig();

beforeAll(async () => {
  running = await startedServer(folder.path);
  config.loadFromString(running.server.kubeconfig);
});
afterAll(async () => {
  expect(running.problems).toEqual([]);
  await running.stop();
  folder[Symbol.dispose]();
});

const namespace = 'default';

test('the client library makes, reads, lists, replaces and deletes objects', async () => {
  const core = config.makeApiClient(CoreV1Api);
  const made = await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'a' }, data: { x: '1' } } });
  expect(made.metadata?.uid).toBeDefined();
  const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'a', body: { ...made, data: { x: '2' } } });
  expect(replaced.data).toEqual({ x: '2' });
  const { items } = await core.listNamespacedConfigMap({ namespace, labelSelector: '!none' });
  expect(items.map((item) => item.metadata?.name)).toContain('a');
  await core.deleteNamespacedConfigMap({ namespace, name: 'a' });
  await expect(core.readNamespacedConfigMap({ namespace, name: 'a' })).rejects.toMatchObject({ code: 404 });
});

test('its server-side apply and its generic client work on kinds that it does not know', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  await objects.create({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'toys.test.example.com' },
    spec: {
      group: 'test.example.com',
      scope: 'Namespaced',
      names: { plural: 'toys', kind: 'Toy' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { size: { type: 'integer', minimum: 1 } } } },
            },
          },
        },
      ],
    },
  } as never);
  const toy = { apiVersion: 'test.example.com/v1', kind: 'Toy', metadata: { name: 't', namespace }, spec: { size: 2 } };
  const applied = await objects.patch(toy, undefined, undefined, 'test', true, PatchStrategy.ServerSideApply);
  expect(applied).toMatchObject({ spec: { size: 2 } });
  const bad = { ...toy, spec: { size: 0 } };
  await expect(
    objects.patch(bad, undefined, undefined, 'test', true, PatchStrategy.ServerSideApply),
  ).rejects.toMatchObject({
    code: 422,
  });
  const custom = config.makeApiClient(CustomObjectsApi);
  const listed = await custom.listNamespacedCustomObject({
    group: 'test.example.com',
    version: 'v1',
    namespace,
    plural: 'toys',
  });
  expect(listed.items).toHaveLength(1);
});

test('its watch and its informer see what happens', async () => {
  const core = config.makeApiClient(CoreV1Api);
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const seen: string[] = [];
  const watch = await new Watch(config).watch(
    path,
    {},
    (type: string, object: V1ConfigMap) => seen.push(`${type} ${object.metadata?.name}`),
    () => {},
  );
  const known = new Map<string, V1ConfigMap>();
  const informer = makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace }));
  informer.on('add', (object) => known.set(object.metadata?.name ?? '', object));
  informer.on('delete', (object) => known.delete(object.metadata?.name ?? ''));
  await informer.start();
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'seen' } } });
  await eventually(async () => known.has('seen') && seen.includes('ADDED seen'));
  await core.deleteNamespacedConfigMap({ namespace, name: 'seen' });
  await eventually(async () => !known.has('seen') && seen.includes('DELETED seen'));
  watch.abort();
  await informer.stop();
});
