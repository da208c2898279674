import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ClusterAccess,
  type ConfigMap,
  configMaps,
  createEventRecorder,
  createInformer,
  createKubeClient,
  events,
  type Informer,
  type KubeClient,
  leases,
  type Namespace,
  namespaces,
  nodes,
  startLeaderElection,
} from '../../src/kube/index.ts';
import { realDeps } from '../support/deps.ts';

const configMap = (namespace: string, name: string, data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels: { suite: 'kube' } },
  data,
});

export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A TCP proxy in front of the API server that can cut or freeze what passes. */
async function faultProxy(server: string) {
  const target = new URL(server);
  const sockets = new Set<Socket>();
  let frozen = false;
  const proxy: Server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => {
      if (!frozen) near.write(chunk);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(proxy.address() as { port: number }).port}`,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    /** What is connected now gets no answer any more; later connections do. */
    freezeOpen() {
      frozen = true;
      for (const socket of sockets) socket.removeAllListeners('data');
      frozen = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** What `src/kube` promises, against any API server: ours in `npm test`, the real one in the conformance suite. */
export function describeKube(
  name: string,
  start: () => Promise<{ readonly access: ClusterAccess; stop(): Promise<void> }>,
): void {
  describe(`kube against ${name}`, () => {
    let access: ClusterAccess;
    let client: KubeClient;
    let stop = async (): Promise<void> => {};
    const namespace = `kube-suite-${process.pid}`;
    const informers: Informer<ConfigMap>[] = [];
    const inform = (through: KubeClient, options: object = {}) => {
      const informer = createInformer(
        configMaps,
        { namespace, labelSelector: 'suite=kube', ...options },
        { client: through, ...realDeps },
      );
      informers.push(informer);
      informer.start();
      return informer;
    };

    beforeAll(async () => {
      const started = await start();
      access = started.access;
      stop = started.stop;
      client = createKubeClient(access, realDeps);
      const created = await client.create<Namespace>(namespaces, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace },
      });
      expect(created).toMatchObject({ ok: true });
    });
    afterAll(async () => {
      await Promise.all(informers.map((informer) => informer.stop()));
      await client.delete(namespaces, { name: namespace });
      client.close();
      await stop();
    });

    test('an object is created, read, replaced, patched and deleted', async () => {
      const created = await client.create(configMaps, configMap(namespace, 'crud', { a: '1' }));
      expect(created).toMatchObject({ ok: true, value: { data: { a: '1' } } });
      if (!created.ok) return;
      const replaced = await client.replace(configMaps, { ...created.value, data: { a: '2' } });
      expect(replaced).toMatchObject({ ok: true, value: { data: { a: '2' } } });
      const stale = await client.replace(configMaps, { ...created.value, data: { a: '3' } });
      expect(stale).toMatchObject({ ok: false, problem: { kind: 'conflict', status: 409 } });
      const patched = await client.mergePatch(configMaps, { namespace, name: 'crud' }, { data: { a: null, b: '4' } });
      expect(patched.ok && patched.value.data).toEqual({ b: '4' });
      const read = await client.get(configMaps, { namespace, name: 'crud' });
      expect(read.ok && read.value.data).toEqual({ b: '4' });
      expect(await client.delete(configMaps, { namespace, name: 'crud' })).toMatchObject({ ok: true });
      expect(await client.get(configMaps, { namespace, name: 'crud' })).toMatchObject({
        ok: false,
        problem: { kind: 'notFound', status: 404 },
      });
    });

    test('creating what is there, and what is not valid, are different problems', async () => {
      const object = configMap(namespace, 'twice', {});
      expect((await client.create(configMaps, object)).ok).toBe(true);
      expect(await client.create(configMaps, object)).toMatchObject({ ok: false, problem: { kind: 'alreadyExists' } });
      const invalid = await client.create(configMaps, configMap(namespace, 'Not A Name', {}));
      expect(invalid).toMatchObject({ ok: false, problem: { kind: 'invalid', causes: [{ field: 'metadata.name' }] } });
    });

    test('a dry run answers as if and stores nothing', async () => {
      const answer = await client.create(configMaps, configMap(namespace, 'dry', { a: '1' }), { dryRun: true });
      expect(answer).toMatchObject({ ok: true });
      expect(await client.get(configMaps, { namespace, name: 'dry' })).toMatchObject({ problem: { kind: 'notFound' } });
    });

    test('server-side apply owns fields, sees another owner as a conflict with the field, and takes it by force', async () => {
      const wanted = configMap(namespace, 'applied', { a: '1' });
      expect(await client.serverSideApply(configMaps, wanted, { fieldManager: 'first' })).toMatchObject({ ok: true });
      const again = await client.serverSideApply(configMaps, wanted, { fieldManager: 'first' });
      const read = await client.get(configMaps, { namespace, name: 'applied' });
      expect(again.ok && read.ok && again.value.metadata.resourceVersion === read.value.metadata.resourceVersion).toBe(
        true,
      );
      const other = { ...wanted, data: { a: '2' } };
      const conflict = await client.serverSideApply(configMaps, other, { fieldManager: 'second' });
      expect(conflict).toMatchObject({ ok: false, problem: { kind: 'conflict', causes: [{ field: '.data.a' }] } });
      const forced = await client.serverSideApply(configMaps, other, { fieldManager: 'second', force: true });
      expect(forced).toMatchObject({ ok: true, value: { data: { a: '2' } } });
      const released = await client.serverSideApply(configMaps, { ...wanted, data: {} }, { fieldManager: 'second' });
      expect(released.ok && (released.value.data ?? {})).toEqual({});
    });

    test('status is written apart from the rest', async () => {
      const name = `node-${process.pid}`;
      const node = await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
      expect(node.ok).toBe(true);
      const patched = await client.patchStatus(nodes, { name }, { status: { capacity: { cpu: '2' } } });
      expect(patched).toMatchObject({ ok: true, value: { status: { capacity: { cpu: '2' } } } });
      const applied = await client.applyStatus(
        nodes,
        { metadata: { name }, status: { phase: 'Running' } },
        { fieldManager: 'suite' },
      );
      expect(applied).toMatchObject({
        ok: true,
        value: { status: { phase: 'Running', capacity: { cpu: '2' } } },
      });
      expect((await client.delete(nodes, { name })).ok).toBe(true);
    });

    test('a deletion with another UID or version is a conflict', async () => {
      const created = await client.create(configMaps, configMap(namespace, 'guarded', {}));
      if (!created.ok) throw new Error(created.problem.message);
      const key = { namespace, name: 'guarded' };
      const { uid, resourceVersion } = created.value.metadata;
      expect(await client.delete(configMaps, key, { preconditions: { uid: 'another' } })).toMatchObject({
        problem: { kind: 'conflict' },
      });
      expect(await client.delete(configMaps, key, { preconditions: { uid, resourceVersion: '1' } })).toMatchObject({
        problem: { kind: 'conflict' },
      });
      expect(await client.delete(configMaps, key, { preconditions: { uid, resourceVersion } })).toMatchObject({
        ok: true,
      });
    });

    test('a list comes whole from many pages, and its items say what they are', async () => {
      const names = Array.from({ length: 7 }, (_, index) => `page-${index}`);
      await Promise.all(names.map((name) => client.create(configMaps, configMap(namespace, name, {}))));
      const answer = await client.list(configMaps, { namespace, labelSelector: 'suite=kube', pageSize: 2 });
      if (!answer.ok) throw new Error(answer.problem.message);
      expect(
        answer.value.items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('page-')),
      ).toEqual(names);
      expect(answer.value.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
      const selected = await client.list(configMaps, { namespace, fieldSelector: 'metadata.name=page-3' });
      expect(selected.ok && selected.value.items.map(({ metadata }) => metadata.name)).toEqual(['page-3']);
    });

    test('an informer lists, then follows creations, changes and deletions', async () => {
      expect((await client.create(configMaps, configMap(namespace, 'before', { a: '1' }))).ok).toBe(true);
      const informer = inform(client, { indexes: { value: (object: ConfigMap) => [object.data?.a ?? ''] } });
      const seen: string[] = [];
      informer.onChange(({ key, current, previous }) => {
        if (key.endsWith('/followed')) seen.push(`${previous?.data?.a ?? 'none'}>${current?.data?.a ?? 'none'}`);
      });
      await informer.synced;
      expect(informer.get(`${namespace}/before`)?.data).toEqual({ a: '1' });
      const key = { namespace, name: 'followed' };
      await client.create(configMaps, configMap(namespace, 'followed', { a: 'x' }));
      await client.mergePatch(configMaps, key, { data: { a: 'y' } });
      await client.delete(configMaps, key);
      await until('three changes are seen', () => seen.length === 3);
      expect(seen).toEqual(['none>x', 'x>y', 'y>none']);
      expect(informer.byIndex('value', '1').map(({ metadata }) => metadata.name)).toContain('before');
      expect(informer.get(`${namespace}/before`)?.metadata.managedFields).toBeUndefined();
    });

    test('an informer misses no final state when its connections are cut again and again', async () => {
      const proxy = await faultProxy(access.server);
      const through = createKubeClient({ ...access, server: proxy.url }, realDeps);
      const informer = inform(through);
      await informer.synced;
      const cutting = setInterval(() => proxy.cut(), 150);
      const count = 40;
      for (let round = 0; round < 3; round++) {
        for (let index = 0; index < count; index++) {
          const applied = await client.serverSideApply(
            configMaps,
            configMap(namespace, `cut-${index}`, { round: String(round) }),
            { fieldManager: 'suite' },
          );
          expect(applied.ok).toBe(true);
        }
      }
      await client.delete(configMaps, { namespace, name: 'cut-0' });
      clearInterval(cutting);
      await until(
        'the store has all final states',
        () =>
          informer.get(`${namespace}/cut-0`) === undefined &&
          Array.from({ length: count - 1 }, (_, index) => informer.get(`${namespace}/cut-${index + 1}`)).every(
            (object) => object?.data?.round === '2',
          ),
      );
      expect(informer.counters.lists).toBeLessThanOrEqual(2);
      await informer.stop();
      through.close();
      await proxy.close();
    });

    test('an informer notices a connection that is open and silent', async () => {
      const proxy = await faultProxy(access.server);
      const through = createKubeClient({ ...access, server: proxy.url }, realDeps);
      const informer = inform(through, { watchTimeoutSeconds: 1, stallMarginMs: 500 });
      await informer.synced;
      await until('a watch is open', () => informer.counters.watches > 0);
      await new Promise((resolve) => setTimeout(resolve, 100));
      proxy.freezeOpen();
      await client.create(configMaps, configMap(namespace, 'unseen', { a: '1' }));
      await until('the silent watch is replaced', () => informer.get(`${namespace}/unseen`) !== undefined);
      expect(informer.counters.stalls).toBe(1);
      await informer.stop();
      through.close();
      await proxy.close();
    });

    test('of two candidates one leads, and the other follows when it stops', async () => {
      const lease = { namespace, name: 'election' };
      const led: string[] = [];
      const run = (identity: string) =>
        startLeaderElection(
          { lease, identity, retryMs: 100, onLeading: () => led.push(identity) },
          { client, ...realDeps },
        );
      const first = run('first');
      await until('the first leads', () => first.isLeading);
      const second = run('second');
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(second.isLeading).toBe(false);
      await first.stop();
      await until('the second leads', () => second.isLeading);
      expect(led).toEqual(['first', 'second']);
      const read = await client.get(leases, lease);
      expect(read).toMatchObject({ ok: true, value: { spec: { holderIdentity: 'second', leaseTransitions: 1 } } });
      await second.stop();
    });

    test('a leader whose lease is taken away stops at once', async () => {
      const lease = { namespace, name: 'stolen' };
      let signal: AbortSignal | undefined;
      const election = startLeaderElection(
        { lease, identity: 'first', retryMs: 50, onLeading: (given) => (signal = given) },
        { client, ...realDeps },
      );
      await until('it leads', () => election.isLeading);
      await until('the lease is stolen', async () => {
        const stolen = await client.mergePatch(leases, lease, { spec: { holderIdentity: 'thief' } });
        return stolen.ok;
      });
      await until('it stops', () => signal?.aborted === true);
      expect(election.isLeading).toBe(false);
      await election.stop();
    });

    test('the same event again raises the count of the first', async () => {
      const created = await client.create(configMaps, configMap(namespace, 'eventful', {}));
      if (!created.ok) throw new Error(created.problem.message);
      const recorder = createEventRecorder(
        { controller: 'suite.example/kube', instance: 'one' },
        { client, ...realDeps },
      );
      for (let repeat = 0; repeat < 3; repeat++) {
        recorder.record(created.value, { type: 'Warning', reason: 'Waiting', note: 'for a broker' });
      }
      await recorder.flush();
      const answer = await client.list(events, { namespace });
      const ours = answer.ok ? answer.value.items.filter(({ regarding }) => regarding?.name === 'eventful') : [];
      expect(ours).toHaveLength(1);
      expect(ours[0]).toMatchObject({ reason: 'Waiting', note: 'for a broker', series: { count: 3 } });
    });

    test('an object that floods gets a bounded number of events', async () => {
      const created = await client.create(configMaps, configMap(namespace, 'flooding', {}));
      if (!created.ok) throw new Error(created.problem.message);
      const recorder = createEventRecorder(
        { controller: 'suite.example/kube', instance: 'one' },
        { client, ...realDeps },
      );
      for (let index = 0; index < 200; index++) {
        recorder.record(created.value, { type: 'Normal', reason: 'Tick', note: `number ${index}` });
      }
      await recorder.flush();
      const answer = await client.list(events, { namespace });
      const ours = answer.ok ? answer.value.items.filter(({ regarding }) => regarding?.name === 'flooding') : [];
      expect(ours).toHaveLength(25);
    });

    test('a server that is not there is a problem with a sentence, not a throw', async () => {
      const nowhere = createKubeClient({ ...access, server: 'https://127.0.0.1:1' }, realDeps);
      const answer = await nowhere.get(configMaps, { namespace, name: 'a' });
      expect(answer).toMatchObject({ ok: false, problem: { kind: 'unavailable' } });
      nowhere.close();
    });
  });
}
