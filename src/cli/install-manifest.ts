/** All that the operator needs in a cluster, as objects: what `manifests/install.yaml` holds. */
import packageJson from '../../package.json' with { type: 'json' };
import { customResourceDefinitions, group } from '../api/index.ts';

const namespace = 'hikube-kafka';
const name = 'hikube-kafka-operator';
const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'hikube-kafka' };
const image = `hikube-kafka:${packageJson.version}`;
const healthPort = 9404;

type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
};
const rule = (apiGroup: string, resources: readonly string[], verbs: readonly string[]): Rule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});
const read = ['get', 'list', 'watch'];
const plurals = customResourceDefinitions().map(({ metadata }) => metadata.name.split('.')[0] ?? '');

/** What the operator does and nothing more: it writes no spec of ours, and can list no Secret. */
const rules: readonly Rule[] = [
  rule(group, plurals, read),
  // Topics carry our finalizer.
  rule(group, ['kafkatopics'], ['patch']),
  rule(
    group,
    plurals.map((plural) => `${plural}/status`),
    ['patch'],
  ),
  // Owner references that block the deletion of their owner ask for this.
  rule(
    group,
    plurals.map((plural) => `${plural}/finalizers`),
    ['update'],
  ),
  rule('', ['configmaps', 'services'], [...read, 'create', 'patch', 'delete']),
  rule('apps', ['statefulsets'], [...read, 'create', 'patch', 'delete']),
  rule('policy', ['poddisruptionbudgets'], [...read, 'create', 'patch', 'delete']),
  // Claims are made by StatefulSets; we grow them, give them an owner, and delete those of servers that have left an
  // ensemble whose storage.deletionPolicy is Delete.
  rule('', ['persistentvolumeclaims'], [...read, 'patch', 'delete']),
  // The password of each ensemble's super user: made once, read by its name.
  rule('', ['secrets'], ['get', 'create']),
  // A restart is an eviction, or a deletion of what is down; a broker learns its zone from an annotation.
  rule('', ['pods'], [...read, 'patch', 'delete']),
  rule('', ['pods/eviction'], ['create']),
  rule('', ['nodes', 'namespaces'], read),
  rule('events.k8s.io', ['events'], ['create', 'patch']),
];

export function installObjects(): readonly object[] {
  const inNamespace = { name, namespace, labels };
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const role = (kind: 'Role' | 'ClusterRole') => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
  return [
    ...customResourceDefinitions(),
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { ...labels, 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inNamespace },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name, labels }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name, labels },
      roleRef: role('ClusterRole'),
      subjects,
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: inNamespace,
      rules: [rule('coordination.k8s.io', ['leases'], ['get', 'create', 'update'])],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: inNamespace,
      roleRef: role('Role'),
      subjects,
    },
    deployment(inNamespace),
  ];
}

function deployment(metadata: object): object {
  const probe = (path: string) => ({ httpGet: { path, port: healthPort } });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: name,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1001,
            runAsGroup: 1001,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'operator',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['hikube-kafka'],
              args: ['operator'],
              env: [
                { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
                // Brokers and ZooKeeper servers run from the operator's own image.
                { name: 'HIKUBE_IMAGE', value: image },
                { name: 'NODE_OPTIONS', value: '--max-old-space-size=160' },
              ],
              ports: [{ name: 'tcp-prometheus', containerPort: healthPort }],
              livenessProbe: { ...probe('/healthz'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
              readinessProbe: { ...probe('/readyz'), periodSeconds: 5 },
              resources: { limits: { cpu: '1', memory: '256Mi' }, requests: { cpu: '100m', memory: '256Mi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
                readOnlyRootFilesystem: true,
              },
            },
          ],
        },
      },
    },
  };
}
