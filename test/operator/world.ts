/**
 * What the operator needs around it in a test: a real API server in this process, and a hand that does what nodes and
 * controllers do: makes pods and claims of StatefulSets, gives addresses to Services, and runs real brokers and ZooKeeper
 * servers, each on a loopback address of its own.
 */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { apiVersion } from '../../src/api/index.ts';
import { Broker } from '../../src/broker/index.ts';
import {
  configMaps,
  createKubeClient,
  customResourceDefinitions,
  type KubeClient,
  type KubeObject,
  namespaces,
  nodes,
  type Pod,
  type PodDisruptionBudget,
  parseKubeconfig,
  persistentVolumeClaims,
  podDisruptionBudgets,
  pods,
  type ResourceType,
  resourceType,
  type StatefulSet,
  secrets,
  services,
  statefulSets,
} from '../../src/kube/index.ts';
import { startApiServer } from '../../src/local/apiserver/index.ts';
import { type OperatorOptions, startOperator } from '../../src/operator/index.ts';
import { nodeDisk, nodeNetwork, systemClock } from '../../src/platform/index.ts';
import { parseBrokerSettings, parseEnsembleSettings } from '../../src/settings/index.ts';
import { answerWord, serverSettings, startEnsemble } from '../../src/zookeeper/index.ts';
import { realDeps, silentLogger } from '../support/deps.ts';
import { images } from './fixtures.ts';

const root = resolve(import.meta.dirname, '../..');

// biome-ignore lint/suspicious/noExplicitAny: a test names the fields that it expects
export type Loose = KubeObject & { spec?: any; status?: any };
const ours = (kind: string, plural: string): ResourceType<Loose> =>
  resourceType<Loose>({ apiVersion, kind, plural, namespaced: true });
export const kafkaClusters = ours('KafkaCluster', 'kafkaclusters');
export const kafkaTopics = ours('KafkaTopic', 'kafkatopics');
export const zooKeepers = ours('ZooKeeper', 'zookeepers');
export const ourKinds: Readonly<Record<string, ResourceType<Loose>>> = {
  KafkaCluster: kafkaClusters,
  KafkaTopic: kafkaTopics,
  ZooKeeper: zooKeepers,
};

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Asks until the answer is not undefined. */
export async function until<Value>(
  what: string,
  ask: () => Promise<Value | undefined> | Value | undefined,
  timeoutMs = 15_000,
): Promise<Value> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await pause(20);
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>;
type Running = { readonly uid: string; stop(): Promise<void>; ready(): boolean };

let nextAddress = 1;
const freshAddress = (): string => {
  const number = nextAddress++;
  return `127.${64 + (process.pid % 32)}.${number >> 8}.${number & 255}`;
};

/** @param processes  `real` runs brokers and servers; `none` leaves pods unready; `pretended` says that they are ready */
export async function startWorld({ processes }: { processes: 'real' | 'none' | 'pretended' }) {
  const folder = mkdtempSync(join(tmpdir(), 'operator-world-'));
  const hostsFile = join(folder, 'hosts');
  writeFileSync(hostsFile, '');
  const started = await startApiServer({
    folder: join(folder, 'api'),
    port: 0,
    clock: systemClock,
    logger: silentLogger,
  });
  if (!started.ok) throw new Error(started.problem.message);
  const access = await parseKubeconfig(started.value.kubeconfig);
  if (!access.ok) throw new Error(access.problem);
  const newClient = (): KubeClient => createKubeClient(access.value, realDeps);
  const client = newClient();
  for (const name of ['kafkaclusters', 'kafkatopics', 'zookeepers']) {
    const text = readFileSync(join(root, `crds/${name}.kafka.hikube.cloud.yaml`), 'utf8');
    for (const document of parseAllDocuments(text))
      must(await client.create(customResourceDefinitions, document.toJS()));
  }
  for (const letter of ['a', 'b', 'c']) {
    const labels = { 'topology.kubernetes.io/zone': `zone-${letter}`, 'kubernetes.io/hostname': `node-${letter}` };
    must(await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${letter}`, labels } }));
  }
  await until('the definitions', async () => {
    const answers = await Promise.all(Object.values(ourKinds).map((type) => client.list(type)));
    return answers.every(({ ok }) => ok) ? true : undefined;
  });

  const running = new Map<string, Running>();
  const hosts = new Map<string, string>();
  const tellHosts = (name: string, address: string): void => {
    hosts.set(name, address);
    writeFileSync(hostsFile, [...hosts].map(([host, where]) => `${where} ${host}\n`).join(''));
  };

  async function startProcess(pod: Pod, address: string): Promise<Running | undefined> {
    const uid = pod.metadata.uid ?? '';
    if (processes === 'none') return undefined;
    if (processes === 'pretended') return { uid, stop: async () => {}, ready: () => true };
    const namespace = pod.metadata.namespace ?? '';
    const container = pod.spec?.containers[0];
    const index = /-(\d+)$/.exec(pod.metadata.name)?.[1];
    const map = await client.get(configMaps, {
      namespace,
      name: pod.spec?.volumes?.find(({ configMap }) => configMap !== undefined)?.configMap?.name ?? '',
    });
    if (!map.ok) return undefined;
    const data = join(folder, 'volumes', namespace, pod.metadata.name);
    mkdirSync(data, { recursive: true });
    const network = nodeNetwork({ HIKUBE_HOSTS_FILE: hostsFile, HIKUBE_POD_ADDRESS: address });
    const platform = { ...realDeps, clock: systemClock, disk: nodeDisk, network };
    if (container?.name === 'zookeeper') {
      const text = (map.value.data?.[`zoo-${index}.cfg`] ?? '').replace('/var/lib/zookeeper', data);
      const secretName = pod.spec?.volumes?.find(({ secret }) => secret !== undefined)?.secret?.secretName ?? '';
      const secret = must(await client.get(secrets, { namespace, name: secretName }));
      const digest = Buffer.from(secret.data?.superDigest ?? '', 'base64').toString();
      const { settings } = parseEnsembleSettings(`${text}\nDigestAuthenticationProvider.superDigest=${digest}\n`);
      if (settings === undefined) throw new Error(`zoo.cfg cannot be read:\n${text}`);
      const own = serverSettings(settings, Number(index) + 1);
      const options = {
        servers: settings.servers,
        configVersion: settings.configVersion.toString(16),
        reconfigEnabled: settings.get('reconfigEnabled'),
      };
      const started = await startEnsemble(own, options, platform, () => {});
      if (!started.ok) throw new Error(started.problem);
      const { server, stop } = started.value;
      server.setWords(answerWord(server, own.words));
      return { uid, stop, ready: () => server.orderer.serves };
    }
    const annotations = pod.metadata.annotations ?? {};
    const given = { 'broker.rack': 'zone', 'advertised.listeners': 'advertised-listeners' } as const;
    const overrides = Object.entries(given)
      .filter(([key]) => container?.args?.some((arg) => arg.startsWith(`${key}=@`)))
      .map(([key, name]) => ({ key, value: annotations[`kafka.hikube.cloud/${name}`] ?? '' }));
    // As the real one: it waits for the files that come with the pod.
    if (overrides.some(({ value }) => value === '')) return undefined;
    const text = (map.value.data?.[`server-${index}.properties`] ?? '').replace('/var/lib/kafka', data);
    const { settings, problems } = parseBrokerSettings(text, overrides);
    if (settings === undefined) throw new Error(JSON.stringify(problems));
    const broker = new Broker(settings, platform);
    void broker.start();
    return { uid, stop: () => broker.stop(), ready: () => broker.notReadyBecause() === undefined };
  }

  async function keepPod(set: StatefulSet, ordinal: number): Promise<void> {
    const namespace = set.metadata.namespace ?? '';
    const name = `${set.metadata.name}-${ordinal}`;
    const key = `${namespace}/${name}`;
    const found = await client.get(pods, { namespace, name });
    const claims = set.spec?.volumeClaimTemplates ?? [];
    if (!found.ok) {
      await running.get(key)?.stop();
      running.delete(key);
      for (const claim of claims) {
        await client.create(persistentVolumeClaims, {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: {
            name: `${claim.metadata?.name}-${name}`,
            namespace,
            labels: { ...set.spec?.selector?.matchLabels },
          },
          spec: { ...claim.spec, storageClassName: claim.spec?.storageClassName ?? 'standard' },
        });
      }
      const { template } = set.spec as NonNullable<StatefulSet['spec']>;
      const made = await client.create(pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace,
          labels: {
            ...template.metadata?.labels,
            'apps.kubernetes.io/pod-index': String(ordinal),
            'statefulset.kubernetes.io/pod-name': name,
          },
          annotations: { ...template.metadata?.annotations },
          ownerReferences: [
            {
              apiVersion: 'apps/v1',
              kind: 'StatefulSet',
              name: set.metadata.name,
              uid: set.metadata.uid ?? '',
              controller: true,
            },
          ],
        },
        spec: {
          ...template.spec,
          containers: template.spec?.containers ?? [],
          volumes: [
            ...(template.spec?.volumes ?? []),
            ...claims.map((claim) => ({
              name: claim.metadata?.name ?? '',
              persistentVolumeClaim: { claimName: `${claim.metadata?.name}-${name}` },
            })),
          ],
          nodeName: `node-${'abc'[ordinal % 3]}`,
        },
      });
      if (!made.ok && made.problem.kind !== 'alreadyExists') throw new Error(made.problem.message);
      return;
    }
    const pod = found.value;
    if (pod.metadata.deletionTimestamp !== undefined) {
      await running.get(key)?.stop();
      running.delete(key);
      await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
      return;
    }
    const service = set.spec?.serviceName ?? '';
    const host = `${name}.${service}.${namespace}.svc`;
    if (!hosts.has(host)) {
      const address = freshAddress();
      tellHosts(host, address);
      const group = service.replace(/-nodes$/, '-client').replace(/-brokers$/, '-bootstrap');
      if (!hosts.has(`${group}.${namespace}.svc`)) tellHosts(`${group}.${namespace}.svc`, address);
    }
    if (running.get(key)?.uid !== pod.metadata.uid) {
      await running.get(key)?.stop();
      running.delete(key);
      const process = await startProcess(pod, hosts.get(host) ?? '');
      if (process !== undefined) running.set(key, process);
    }
    const isReady = running.get(key)?.ready() === true;
    const was = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
    if (isReady === was) return;
    const at = new Date().toISOString();
    await client.patchStatus(
      pods,
      { namespace, name },
      {
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: at }],
        },
      },
    );
  }

  async function keepBudget(budget: PodDisruptionBudget, sets: readonly StatefulSet[]): Promise<void> {
    const { namespace, name, generation } = budget.metadata;
    const labels = Object.entries(budget.spec?.selector?.matchLabels ?? {}).map(
      ([label, value]) => `${label}=${value}`,
    );
    const covered = await client.list(pods, { namespace, labelSelector: labels.join(',') });
    if (!covered.ok) return;
    const currentHealthy = covered.value.items.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    ).length;
    // The operator gives both the same name.
    const expectedPods =
      sets.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace)?.spec?.replicas ?? 0;
    const desiredHealthy = Math.max(0, expectedPods - 1);
    const disruptionsAllowed = Math.max(0, currentHealthy - desiredHealthy);
    const numbers = { expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed };
    const status = { ...numbers, observedGeneration: generation, disruptedPods: null };
    const was = budget.status;
    const isSame =
      was?.observedGeneration === generation &&
      Object.entries(numbers).every(([key, value]) => (was as unknown as Record<string, unknown>)[key] === value);
    if (!isSame) await client.patchStatus(podDisruptionBudgets, { namespace, name }, { status });
  }

  async function actOnce(): Promise<void> {
    const sets = await client.list(statefulSets);
    const wanted = new Set<string>();
    for (const set of sets.ok ? sets.value.items : []) {
      if (set.metadata.deletionTimestamp !== undefined) continue;
      const ordinals = Array.from({ length: set.spec?.replicas ?? 0 }, (_, ordinal) => ordinal);
      for (const ordinal of ordinals) wanted.add(`${set.metadata.namespace}/${set.metadata.name}-${ordinal}`);
      await Promise.all(ordinals.map((ordinal) => keepPod(set, ordinal)));
      const selector = Object.entries(set.spec?.selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
      const { namespace } = set.metadata;
      const made = await client.list(pods, { namespace, labelSelector: selector.join(',') });
      for (const { metadata } of made.ok ? made.value.items : []) {
        const isOwn = metadata.name.startsWith(`${set.metadata.name}-`);
        if (!isOwn || wanted.has(`${namespace}/${metadata.name}`)) continue;
        await client.delete(pods, { namespace, name: metadata.name }, { gracePeriodSeconds: 0 });
      }
    }
    for (const [key, process] of running) {
      if (wanted.has(key)) continue;
      running.delete(key);
      await process.stop();
    }
    // Where no process runs nobody is evicted.
    const budgets = processes === 'real' ? await client.list(podDisruptionBudgets) : undefined;
    for (const budget of budgets?.ok ? budgets.value.items : [])
      await keepBudget(budget, sets.ok ? sets.value.items : []);
    const all = await client.list(services);
    for (const service of all.ok ? all.value.items : []) {
      if (service.spec?.type !== 'LoadBalancer' || (service.status?.loadBalancer?.ingress?.length ?? 0) > 0) continue;
      const { namespace, name } = service.metadata;
      const ip = hosts.get(`${name}.${name.replace(/-\d+$/, '-brokers')}.${namespace}.svc`) ?? freshAddress();
      await client.patchStatus(services, { namespace, name }, { status: { loadBalancer: { ingress: [{ ip }] } } });
    }
  }

  let isActing = true;
  const problems: unknown[] = [];
  const acting = (async () => {
    while (isActing) {
      await actOnce().catch((error: unknown) => problems.push(error));
      await pause(30);
    }
  })();

  return {
    client,
    newClient,
    folder,
    running,
    /** What went wrong in the hand itself. */
    problems,
    network: nodeNetwork({ HIKUBE_HOSTS_FILE: hostsFile }),
    hostsFile,
    log: (text: string) => appendFileSync(join(folder, 'log'), `${text}\n`),
    startOperator(options: Partial<OperatorOptions> = {}, operatorClient: KubeClient = client) {
      return startOperator(
        { images, identity: 'test', ...options },
        { ...realDeps, client: operatorClient, network: nodeNetwork({ HIKUBE_HOSTS_FILE: hostsFile }) },
      );
    },
    async namespace(name: string): Promise<string> {
      must(await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
      return name;
    },
    async apply(namespace: string, kind: string, name: string, spec: object, metadata: object = {}): Promise<Loose> {
      const type = ourKinds[kind] as ResourceType<Loose>;
      return must(
        await client.serverSideApply(
          type,
          { metadata: { name, namespace, ...metadata }, spec },
          { fieldManager: 'person', force: true },
        ),
      );
    },
    async stop() {
      isActing = false;
      await acting;
      await Promise.all([...running.values()].map((process) => process.stop()));
      client.close();
      await started.value.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function must<Value>(answer: { ok: true; value: Value } | { ok: false; problem: { message: string } }): Value {
  if (!answer.ok) throw new Error(answer.problem.message);
  return answer.value;
}

type Said = { type: string; status: string; reason: string; message: string; observedGeneration?: number };
export const conditionOf = (object: Loose, type = 'Ready'): Said | undefined =>
  (object.status?.conditions as Said[] | undefined)?.find((condition) => condition.type === type);
