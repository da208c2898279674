import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type KubeProblem, parseKubeconfig, statefulSets } from '../../src/kube/index.ts';
import { problemOfAnswer, problemOfError } from '../../src/kube/problem.ts';
import { collectionPath, objectPath } from '../../src/kube/resource-type.ts';
import { attemptsLimit, backoffMs, retryDelayMs } from '../../src/kube/retry.ts';
import { createLineReader } from '../../src/kube/watch-stream.ts';

test('paths follow group, version, namespace and subresource', () => {
  expect(collectionPath(statefulSets)).toBe('/apis/apps/v1/statefulsets');
  expect(collectionPath(statefulSets, 'default')).toBe('/apis/apps/v1/namespaces/default/statefulsets');
  expect(objectPath(statefulSets, { namespace: 'default', name: 'a' }, 'status')).toBe(
    '/apis/apps/v1/namespaces/default/statefulsets/a/status',
  );
});

test('a refusal keeps the status, the reason and the fields that caused it', () => {
  const body = JSON.stringify({
    kind: 'Status',
    reason: 'Invalid',
    message: 'KafkaCluster "a" is invalid',
    details: { causes: [{ reason: 'FieldValueInvalid', field: 'spec.replicas', message: 'must be at least 1' }] },
  });
  const problem = problemOfAnswer('create kafkaclusters default/a', 422, body);
  expect(problem).toMatchObject({ kind: 'invalid', status: 422, causes: [{ field: 'spec.replicas' }] });
  expect(problem.message).toBe('create kafkaclusters default/a: KafkaCluster "a" is invalid');
});

test.each([
  [404, '', 'notFound'],
  [409, 'AlreadyExists', 'alreadyExists'],
  [409, 'Conflict', 'conflict'],
  [410, 'Expired', 'gone'],
  [403, 'Forbidden', 'forbidden'],
  [429, 'TooManyRequests', 'tooManyRequests'],
  [500, 'InternalError', 'unavailable'],
  [400, 'BadRequest', 'badRequest'],
])('status %i with reason "%s" is %s', (status, reason, kind) => {
  expect(problemOfAnswer('get', status, JSON.stringify({ reason, message: 'm' })).kind).toBe(kind);
});

test('an answer that is not JSON is still a problem with its text', () => {
  expect(problemOfAnswer('get', 502, '<html>Bad Gateway</html>', '3')).toEqual({
    kind: 'unavailable',
    message: 'get: <html>Bad Gateway</html>',
    status: 502,
    retryAfterMs: 3_000,
  });
});

test('only what may be sent twice is sent again, a bounded number of times, as late as the server asks', () => {
  const lost = problemOfError('get', new Error('socket hang up'));
  const busy: KubeProblem = { kind: 'tooManyRequests', message: '', status: 429, retryAfterMs: 2_000 };
  expect(retryDelayMs('safe', lost, 1, 0)).toBe(50);
  expect(retryDelayMs('safe', lost, attemptsLimit, 0)).toBeUndefined();
  expect(retryDelayMs('once', lost, 1, 0)).toBeUndefined();
  expect(retryDelayMs('once', busy, 1, 0)).toBe(2_000);
  expect(retryDelayMs('never', busy, 1, 0)).toBeUndefined();
  expect(retryDelayMs('safe', { ...busy, retryAfterMs: 60_000 }, 1, 0)).toBeUndefined();
  expect(retryDelayMs('safe', { kind: 'conflict', message: '' }, 1, 0)).toBeUndefined();
});

test('back-off grows to its bound and never to zero', () => {
  const bounds = { firstMs: 100, longestMs: 5_000 };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, chance) => {
      const delayMs = backoffMs(bounds, failures, chance);
      return delayMs >= 50 && delayMs <= 5_000;
    }),
  );
});

test('lines come out whole however the bytes were cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1 }).filter((line) => !line.includes('\n'))),
      fc.integer({ min: 1, max: 9 }),
      (lines, size) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const reader = createLineReader(1_000_000);
        const out: string[] = [];
        for (let from = 0; from < bytes.length; from += size)
          out.push(...(reader.push(bytes.subarray(from, from + size)) ?? []));
        expect(out).toEqual(lines);
      },
    ),
  );
});

test('a line longer than the bound ends the stream instead of filling memory', () => {
  const reader = createLineReader(10);
  expect(reader.push(Buffer.from('12345'))).toEqual([]);
  expect(reader.push(Buffer.from('67890a'))).toBeUndefined();
});

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: main
clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:6443/', certificate-authority-data: Q0E= } }]
users: [{ name: u, user: { client-certificate-data: Q0VSVA==, client-key-data: S0VZ } }, { name: t, user: { token: secret } }]
contexts:
- { name: main, context: { cluster: c, user: u, namespace: team } }
- { name: nowhere, context: { cluster: x, user: u } }
`;

test('a kubeconfig gives server, certificates and namespace of its current context', async () => {
  const access = await parseKubeconfig(kubeconfig);
  expect(access).toMatchObject({
    ok: true,
    value: {
      server: 'https://127.0.0.1:6443',
      namespace: 'team',
      certificateAuthority: 'CA',
      clientCertificate: 'CERT',
      clientKey: 'KEY',
    },
  });
});

test('a kubeconfig that leads nowhere is refused with the name that is missing', async () => {
  const nowhere = await parseKubeconfig(kubeconfig.replace('current-context: main', 'current-context: nowhere'));
  expect(nowhere).toMatchObject({ ok: false, problem: expect.stringContaining('names cluster x') });
  const other = await parseKubeconfig(kubeconfig.replace('current-context: main', 'current-context: other'));
  expect(other).toMatchObject({ ok: false, problem: expect.stringContaining('no context named other') });
  expect((await parseKubeconfig('- a list')).ok).toBe(false);
  expect((await parseKubeconfig('a: [')).ok).toBe(false);
});

test('a bearer token is sent as a header', async () => {
  const access = await parseKubeconfig(
    kubeconfig.replace('cluster: c, user: u, namespace', 'cluster: c, user: t, namespace'),
  );
  expect(access.ok && (await access.value.authorization?.())).toBe('Bearer secret');
});
