import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Body, type Client, eventually, type Running, startedServer, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
let running: Running;
let client: Client;

beforeAll(async () => {
  running = await startedServer(folder.path, {
    podLogs: async (request, out) => {
      if (request.previous) return { status: 400, message: 'previous terminated container not found' };
      out.write(`${request.pod}/${request.container} tail=${request.tailLines}\n`);
      out.end();
      return undefined;
    },
  });
  client = running.client;
});
afterAll(async () => {
  expect(running.problems).toEqual([]);
  await running.stop();
  folder[Symbol.dispose]();
});

const core = '/api/v1/namespaces/default';
const maps = `${core}/configmaps`;
const map = (name: string, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
});
const ownedBy = (owner: Body, more: object = {}) => ({
  ownerReferences: [
    { apiVersion: 'v1', kind: 'ConfigMap', name: owner.metadata.name, uid: owner.metadata.uid, ...more },
  ],
});
const isGone = async (path: string): Promise<boolean> => (await client.get(path)).status === 404;

describe('owners', () => {
  test('in the background: dependents of dependents go after their owner', async () => {
    const { body: owner } = await client.post(maps, map('owner'));
    const { body: child } = await client.post(maps, map('child', ownedBy(owner)));
    await client.post(maps, map('grandchild', ownedBy(child)));
    await client.remove(`${maps}/owner`);
    await eventually(() => isGone(`${maps}/grandchild`));
    expect(await isGone(`${maps}/child`)).toBe(true);
  });
  test('in the foreground: the owner waits for what blocks it', async () => {
    const { body: owner } = await client.post(maps, map('waits'));
    await client.post(
      maps,
      map('blocks', { ...ownedBy(owner, { blockOwnerDeletion: true }), finalizers: ['test/hold'] }),
    );
    const answer = await client.remove(`${maps}/waits`, { propagationPolicy: 'Foreground' });
    expect(answer.body.metadata.finalizers).toEqual(['foregroundDeletion']);
    await eventually(async () => (await client.get(`${maps}/blocks`)).body.metadata.deletionTimestamp !== undefined);
    expect(await isGone(`${maps}/waits`)).toBe(false);
    await client.merge(`${maps}/blocks`, { metadata: { finalizers: null } });
    await eventually(() => isGone(`${maps}/waits`));
  });
  test('orphaned: dependents stay and forget their owner', async () => {
    const { body: owner } = await client.post(maps, map('leaves'));
    await client.post(maps, map('stays', ownedBy(owner)));
    await client.remove(`${maps}/leaves?propagationPolicy=Orphan`);
    await eventually(() => isGone(`${maps}/leaves`));
    expect((await client.get(`${maps}/stays`)).body.metadata.ownerReferences).toBeUndefined();
  });
  test('an object whose owner never was goes, one with another owner stays', async () => {
    const { body: owner } = await client.post(maps, map('alive'));
    const never = { apiVersion: 'v1', kind: 'ConfigMap', name: 'never', uid: '00000000-0000-4000-8000-000000000000' };
    await client.post(maps, map('lost', { ownerReferences: [never] }));
    await client.post(maps, map('shared', { ownerReferences: [never, ownedBy(owner).ownerReferences[0]] }));
    await eventually(() => isGone(`${maps}/lost`));
    expect(await isGone(`${maps}/shared`)).toBe(false);
  });
});

describe('namespaces', () => {
  test('a namespace gets its service account, is emptied when deleted, and takes nothing new meanwhile', async () => {
    const path = '/api/v1/namespaces/short';
    await client.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'short' } });
    await eventually(async () => !(await isGone(`${path}/serviceaccounts/default`)));
    await client.post(`${path}/configmaps`, map('held', { finalizers: ['test/hold'] }));
    const answer = await client.remove(path);
    expect(answer.body.status.phase).toBe('Terminating');
    const refused = await client.post(`${path}/configmaps`, map('late'));
    expect(refused.status).toBe(403);
    expect(refused.body.details.causes[0].reason).toBe('NamespaceTerminating');
    await eventually(
      async () => (await client.get(`${path}/configmaps/held`)).body.metadata?.deletionTimestamp !== undefined,
    );
    await client.merge(`${path}/configmaps/held`, { metadata: { finalizers: [] } });
    await eventually(() => isGone(path));
  });
});

const pods = `${core}/pods`;
const pod = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'x' } },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

describe('pods', () => {
  test('one that nobody runs goes at once, one on a node waits for its kubelet', async () => {
    await client.post(pods, pod('idle'));
    await client.remove(`${pods}/idle`);
    expect(await isGone(`${pods}/idle`)).toBe(true);

    await client.post(pods, pod('busy'));
    const bound = await client.post(`${pods}/busy/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'busy' },
      target: { kind: 'Node', name: 'n1' },
    });
    expect(bound.status).toBe(201);
    const { body } = await client.remove(`${pods}/busy`);
    expect(body.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(Date.parse(body.metadata.deletionTimestamp)).toBeGreaterThan(Date.now() + 20_000);
    const wrong = await client.remove(`${pods}/busy`, { gracePeriodSeconds: 0, preconditions: { uid: 'other' } });
    expect(wrong.status).toBe(409);
    await client.remove(`${pods}/busy`, { gracePeriodSeconds: 0, preconditions: { uid: body.metadata.uid } });
    expect(await isGone(`${pods}/busy`)).toBe(true);
  });
  test('logs come from the kubelet, and its refusal is a Status', async () => {
    await client.post(pods, pod('talks'));
    const log = await client.get(`${pods}/talks/log?tailLines=5`);
    expect([log.status, log.body]).toEqual([200, 'talks/c tail=5\n']);
    const refused = await client.get(`${pods}/talks/log?previous=true`);
    expect(refused.body).toMatchObject({ code: 400, message: 'previous terminated container not found' });
    expect((await client.get(`${pods}/talks/log?container=z`)).status).toBe(400);
    expect((await client.get(`${pods}/talks/exec?command=sh`)).status).toBe(501);
  });
  test('an eviction waits for the budget', async () => {
    await client.post(pods, pod('guarded', { nodeName: 'n1' }));
    await client.merge(`${pods}/guarded/status`, { status: { phase: 'Running' } });
    const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    await client.post(budgets, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'b' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'x' } } },
    });
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'guarded' } };
    const refused = await client.post(`${pods}/guarded/eviction`, eviction);
    expect(refused.status).toBe(429);
    expect(refused.body.details.causes[0].reason).toBe('DisruptionBudget');
    await client.merge(`${budgets}/b/status`, { status: { observedGeneration: 1, disruptionsAllowed: 1 } });
    expect((await client.post(`${pods}/guarded/eviction`, eviction)).status).toBe(201);
    expect((await client.get(`${budgets}/b`)).body.status).toMatchObject({ disruptionsAllowed: 0 });
    expect((await client.get(`${pods}/guarded`)).body.metadata.deletionTimestamp).toBeDefined();
  });
});

describe('watching', () => {
  test('an object that starts or ceases to match appears or disappears', async () => {
    const watch = client.watch(`${maps}?watch=1&labelSelector=color%3Dred`);
    await client.post(maps, map('shade', { labels: { color: 'blue' } }));
    await client.merge(`${maps}/shade`, { metadata: { labels: { color: 'red' } } });
    await client.merge(`${maps}/shade`, { data: { a: '1' } });
    await client.merge(`${maps}/shade`, { metadata: { labels: { color: 'blue' } } });
    await watch.until(() => watch.events.length >= 3);
    expect(watch.events.map((event) => event.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    watch.close();
  });
  test('a watch as a table gives the columns once', async () => {
    const watch = client.watch(`${maps}?watch=1&fieldSelector=metadata.name%3Drow`, {
      Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    await client.post(maps, map('row'));
    await client.merge(`${maps}/row`, { data: { a: '1' } });
    await watch.until(() => watch.events.length === 2);
    expect(watch.events.map(({ object }) => object.columnDefinitions.length)).toEqual([3, 0]);
    expect(watch.events[1]?.object.rows[0].cells.slice(0, 2)).toEqual(['row', 1]);
    watch.close();
  });
  test('a watch ends when its time is over', async () => {
    const watch = client.watch(`${maps}?watch=1&timeoutSeconds=1`);
    await watch.until(() => watch.ended());
  });
  test('pages of a list cover it without gap or repetition', async () => {
    for (let index = 0; index < 7; index += 1) await client.post(maps, map(`page-${index}`, { labels: { page: 'y' } }));
    const names: string[] = [];
    let token = '';
    do {
      const { body } = await client.get(`${maps}?labelSelector=page&limit=3&continue=${token}`);
      names.push(...body.items.map((item: Body) => item.metadata.name));
      token = body.metadata.continue ?? '';
    } while (token !== '');
    expect(names).toEqual([0, 1, 2, 3, 4, 5, 6].map((index) => `page-${index}`));
  });
});

describe('definitions', () => {
  const things = '/apis/test.example.com/v1/namespaces/default/things';
  const definition = (properties: object) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.test.example.com' },
    spec: {
      group: 'test.example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties } } },
      ],
    },
  });
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

  test('a kind is served once it is defined, follows changes of its definition, and goes with its objects', async () => {
    expect((await client.get(things)).status).toBe(404);
    const spec = { type: 'object', properties: { size: { type: 'integer', default: 3 } } };
    const { body } = await client.post(path, definition({ spec }));
    expect(body.status.conditions.map((item: Body) => `${item.type}=${item.status}`)).toEqual([
      'NamesAccepted=True',
      'Established=True',
    ]);
    const thing = { apiVersion: 'test.example.com/v1', kind: 'Thing', metadata: { name: 't' }, spec: { extra: 1 } };
    expect((await client.post(things, thing)).body.spec).toEqual({ size: 3 });
    const { body: before } = await client.get('/openapi/v3');
    await client.merge(
      `${path}/things.test.example.com`,
      definition({ spec: { ...spec, properties: { ...spec.properties, extra: { type: 'integer' } } } }),
    );
    const { body: after } = await client.get('/openapi/v3');
    const url = (of: Body): string => of.paths['apis/test.example.com/v1'].serverRelativeURL;
    expect(url(after)).not.toBe(url(before));
    expect((await client.merge(`${things}/t`, { spec: { extra: 2 } })).body.spec).toEqual({ size: 3, extra: 2 });
    const watch = client.watch(`${things}?watch=1`);
    await watch.until(() => watch.events.length === 1);
    await client.remove(`${path}/things.test.example.com`);
    await eventually(() => isGone(`${path}/things.test.example.com`));
    expect((await client.get(things)).status).toBe(404);
    await watch.until(() => watch.events.some((event) => event.type === 'DELETED'));
    watch.close();
  });
  test('names that are taken are not accepted', async () => {
    const other = definition({ spec: { type: 'object' } });
    await client.post(path, other);
    const twin = structuredClone(other);
    twin.metadata.name = 'others.test.example.com';
    twin.spec.names = { plural: 'others', kind: 'Thing' };
    const { body } = await client.post(path, twin);
    expect(body.status.conditions[0]).toMatchObject({ type: 'NamesAccepted', status: 'False' });
    expect((await client.get('/apis/test.example.com/v1/namespaces/default/others')).status).toBe(404);
  });
});

describe('services and events', () => {
  test('each Service has an address of its own, and a wanted one must be free', async () => {
    const service = (name: string, spec: object = {}) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { ports: [{ port: 80 }], ...spec },
    });
    const { body: first } = await client.post(`${core}/services`, service('one'));
    expect(first.spec.clusterIP).toMatch(/^127\.96\./);
    const taken = await client.post(`${core}/services`, service('two', { clusterIP: first.spec.clusterIP }));
    expect(taken.status).toBe(422);
    const outside = await client.post(`${core}/services`, service('two', { clusterIP: '10.1.2.3' }));
    expect(outside.body.message).toContain('is not in the valid range');
    const changed = await client.put(`${core}/services/one`, {
      ...first,
      spec: { ...first.spec, clusterIP: '127.96.1.1', clusterIPs: ['127.96.1.1'] },
    });
    expect(changed.body.message).toContain('may not change once set');
  });
  test('an event that one group takes is read through the other', async () => {
    const made = await client.post('/apis/events.k8s.io/v1/namespaces/default/events', {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'e1' },
      eventTime: '2030-01-01T00:00:00.000000Z',
      regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
      note: 'said',
      reason: 'Because',
      type: 'Normal',
      reportingController: 'test',
      reportingInstance: 'i',
      action: 'Doing',
    });
    expect(made.status).toBe(201);
    const { body } = await client.get(`${core}/events?fieldSelector=involvedObject.name%3Dp,reason%3DBecause`);
    expect(body.items[0]).toMatchObject({ message: 'said', involvedObject: { name: 'p' }, reportingComponent: 'test' });
  });
});
