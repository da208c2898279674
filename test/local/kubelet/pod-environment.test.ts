import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pod } from '../../../src/kube/index.ts';
import {
  type Container,
  containerEnvironment,
  expandVariables,
  type References,
} from '../../../src/local/kubelet/environment.ts';
import { rewriteMountPaths } from '../../../src/local/kubelet/mount-paths.ts';
import { heapLimitMiB, isOwnImage, type OwnProgram, resolveCommand } from '../../../src/local/kubelet/program.ts';
import { unsupportedSources, volumeFiles } from '../../../src/local/kubelet/volume-files.ts';

const mounts = [
  { mountPath: '/var/lib/kafka', realPath: '/real/data' },
  { mountPath: '/var/lib/kafka/extra/', realPath: '/real/extra' },
  { mountPath: '/etc/config', realPath: '/real/config' },
];

test.each([
  ['log.dirs=/var/lib/kafka/data-0', 'log.dirs=/real/data/data-0'],
  ['/var/lib/kafka', '/real/data'],
  ['a=/var/lib/kafka,b=/etc/config/x', 'a=/real/data,b=/real/config/x'],
  ['file:/etc/config/log.xml', 'file:/real/config/log.xml'],
  ['/var/lib/kafka/extra/one', '/real/extra/one'],
  ['"/etc/config"', '"/real/config"'],
  [
    '/var/lib/kafka-old /other/var/lib/kafka ./var/lib/kafka',
    '/var/lib/kafka-old /other/var/lib/kafka ./var/lib/kafka',
  ],
  ['/etc/configuration', '/etc/configuration'],
])('in "%s" whole mount paths are replaced, and nothing else', (text, expected) => {
  expect(rewriteMountPaths(text, mounts)).toBe(expected);
});

test('a text without mount paths stays as it is, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.string(),
      (text) => rewriteMountPaths(text, [{ mountPath: '/no/such/mount/path', realPath: '/x' }]) === text,
    ),
  );
});

test('variables are expanded as Kubernetes does', () => {
  const variables = new Map([
    ['NAME', 'value'],
    ['EMPTY', ''],
  ]);
  expect(expandVariables('$(NAME)-$(EMPTY)-$(NONE)-$$(NAME)-$NAME-$', variables)).toBe(
    'value--$(NONE)-$(NAME)-$NAME-$',
  );
});

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'team', uid: 'u', labels: { 'apps.kubernetes.io/pod-index': '1', b: 'x"y' } },
  spec: { nodeName: 'node-a', containers: [{ name: 'main' }] },
};
const references: References = {
  pod,
  podAddress: '127.20.1.1',
  node: undefined,
  hostAddress: '127.20.0.11',
  configMap: (name) =>
    name === 'settings'
      ? { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '1', path: '/etc/config/x' } }
      : undefined,
  secret: (name) =>
    name === 'keys' ? { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { token: 'c2VjcmV0' } } : undefined,
};
const environmentOf = (container: Omit<Container, 'name'>) => {
  const answer = containerEnvironment({ name: 'main', ...container }, references);
  return answer.ok ? Object.fromEntries(answer.value) : answer.problem;
};

test('an environment comes from fields, labels, ConfigMaps, Secrets, resources and earlier variables', () => {
  expect(
    environmentOf({
      resources: { limits: { memory: '64Mi', cpu: '500m' } },
      envFrom: [{ prefix: 'S_', configMapRef: { name: 'settings' } }],
      env: [
        { name: 'INDEX', valueFrom: { fieldRef: { fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']" } } },
        { name: 'ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
        { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'FILE', value: 'server-$(INDEX).properties' },
        { name: 'MAYBE', valueFrom: { configMapKeyRef: { name: 'none', key: 'a', optional: true } } },
      ],
    }),
  ).toEqual({
    S_a: '1',
    S_path: '/etc/config/x',
    INDEX: '1',
    ADDRESS: '127.20.1.1',
    TOKEN: 'secret',
    MEMORY: '64',
    CPU: '1',
    FILE: 'server-1.properties',
  });
});

test('what is missing is named', () => {
  expect(environmentOf({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'none', key: 'a' } } }] })).toBe(
    "couldn't find key a in ConfigMap team/none",
  );
  expect(environmentOf({ envFrom: [{ secretRef: { name: 'none' } }] })).toBe('secret "none" not found');
  expect(environmentOf({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.nothing' } } }] })).toBe(
    'field spec.nothing is not known here',
  );
});

test('a volume has the files of its objects, with real paths in the text of ConfigMaps', () => {
  const filesOf = (volume: Parameters<typeof volumeFiles>[0]) => {
    const answer = volumeFiles(volume, references, mounts);
    if (!answer.ok || answer.value === undefined) return answer;
    return Object.fromEntries([...answer.value].map(([path, content]) => [path, content.toString('utf8')]));
  };
  expect(filesOf({ name: 'v', configMap: { name: 'settings' } })).toEqual({ a: '1', path: '/real/config/x' });
  expect(
    filesOf({
      name: 'v',
      projected: {
        sources: [
          { configMap: { name: 'settings', items: [{ key: 'a', path: 'sub/a' }] } },
          { secret: { name: 'keys' } },
          { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        ],
      },
    }),
  ).toEqual({ 'sub/a': '1', token: 'secret', labels: 'apps.kubernetes.io/pod-index="1"\nb="x\\"y"\n' });
  expect(filesOf({ name: 'v', configMap: { name: 'none' } })).toEqual({
    ok: false,
    problem: 'configmap "none" not found',
  });
  expect(filesOf({ name: 'v', configMap: { name: 'none', optional: true } })).toEqual({});
  expect(filesOf({ name: 'v', configMap: { name: 'settings', items: [{ key: 'a', path: '../out' }] } })).toMatchObject({
    ok: false,
  });
  expect(filesOf({ name: 'v', emptyDir: {} })).toEqual({ ok: true, value: undefined });
  expect(unsupportedSources({ name: 'v', nfs: { path: '/', server: 's' } })).toEqual(['nfs']);
});

const program: OwnProgram = { name: 'hikube-kafka', argv: ['/bin/node', '/src/main.ts'], environment: {} };

test("the project's own image and command are this program, others are the machine's", () => {
  expect(isOwnImage('registry:5000/team/hikube-kafka:1.2@sha256:0', program)).toBe(true);
  expect(isOwnImage('hikube-kafka-other:1', program)).toBe(false);
  expect(resolveCommand('hikube-kafka:1', [], ['broker', 'x'], program)).toEqual({
    kind: 'own',
    command: '/bin/node',
    args: ['/src/main.ts', 'broker', 'x'],
  });
  expect(resolveCommand('hikube-kafka:1', ['hikube-kafka', 'zookeeper'], ['y'], program)).toMatchObject({
    kind: 'own',
    args: ['/src/main.ts', 'zookeeper', 'y'],
  });
  expect(resolveCommand('busybox', ['sh', '-c'], ['true'], program)).toEqual({
    kind: 'other',
    command: 'sh',
    args: ['-c', 'true'],
  });
  expect(resolveCommand('apache/kafka:3.9.0', [], [], program)).toMatchObject({
    kind: 'none',
    message: expect.stringContaining('apache/kafka:3.9.0'),
  });
  expect(heapLimitMiB(128 * 2 ** 20)).toBe(64);
});
