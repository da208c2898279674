/**
 * The same kubectl commands against our API server and a real one: what they print must be the same, but for what
 * is a name, a time or an address. An exception is named where it is made, with its reason.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiServer } from '../../src/local/apiserver/index.ts';
import { startApiServer } from '../../src/local/apiserver/index.ts';
import { clock, quietLogger } from '../local/apiserver/support.ts';
import { type RunningKubernetes, startRealKubernetes } from '../support/real-kubernetes.ts';

type Outcome = { readonly code: number; readonly text: string };

const folder = mkdtempSync(join(tmpdir(), 'apiserver-conformance-'));
const namespace = `conformance-${process.pid}`;
let ours: ApiServer;
let real: RunningKubernetes;
let oursConfig: string;
const problems: unknown[] = [];

beforeAll(async () => {
  real = await startRealKubernetes();
  const started = await startApiServer({
    folder: join(folder, 'data'),
    port: 0,
    clock,
    logger: quietLogger(problems),
  });
  if (!started.ok) throw new Error(started.problem.message);
  ours = started.value;
  oursConfig = join(folder, 'ours.kubeconfig');
  writeFileSync(oursConfig, ours.kubeconfig);
});

afterAll(async () => {
  await run(real.kubeconfig, 'kubectl', ['delete', 'namespace', namespace, '--wait=false']);
  const definitions = ['widgets.conformance.example.com', 'rules.cel.conformance.example.com'];
  definitions.push(...['kafkaclusters', 'kafkatopics', 'zookeepers'].map((plural) => `${plural}.kafka.hikube.cloud`));
  await run(real.kubeconfig, 'kubectl', ['delete', 'crd', ...definitions, '--wait=false', '--ignore-not-found']);
  await ours.stop();
  await real.stop();
  rmSync(folder, { recursive: true, force: true });
});

function run(kubeconfig: string, program: string, args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((done, failed) => {
    const home = join(folder, kubeconfig === oursConfig ? 'home-ours' : 'home-real');
    const child = spawn(program, args, { env: { ...process.env, KUBECONFIG: kubeconfig, HOME: home, TERM: 'dumb' } });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    child.on('error', failed);
    child.on('close', (code) => done({ code: code ?? -1, text }));
    child.stdin.end(input);
  });
}

const kubectl = (kubeconfig: string, args: readonly string[], input?: string): Promise<Outcome> =>
  run(kubeconfig, 'kubectl', ['--namespace', namespace, ...args], input);

/** What may differ between any two clusters. */
function neutral({ code, text }: Outcome): Outcome {
  const lines = text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, '<uid>')
    .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, '<time>')
    .replaceAll(/\w{3}, \d+ \w{3} \d{4} [\d:]+ [+-]\d{4}/g, '<time>')
    .replaceAll(/"?resource ?version"?:\s+"?\d+"?/gi, 'resourceVersion: <revision>')
    .replaceAll(/\b(198\.18|127\.96)\.\d+\.\d+/g, '<address>')
    .replaceAll(/\b\d+(ms|s|m|h|d)(\d+[smhd])?\b/g, '<age>')
    .replaceAll(/ {2,}/g, '  ')
    .split('\n')
    .map((line) => line.trimEnd())
    // The real one is newer than some kubectl.
    .filter((line) => !line.startsWith('WARNING: version difference'));
  // The order of several errors is that of a map in Go.
  const firstError = lines.findIndex((line) => line.startsWith('* '));
  if (firstError !== -1) lines.splice(firstError, Infinity, ...lines.slice(firstError).sort());
  return { code, text: lines.join('\n') };
}

/** Runs the command against both and compares what it prints and its exit code. */
function same(title: string, args: readonly string[], input?: string): void {
  test(title, async () => {
    const [expected, got] = await Promise.all([
      kubectl(real.kubeconfig, args, input),
      kubectl(oursConfig, args, input),
    ]);
    expect(neutral(got)).toEqual(neutral(expected));
  });
}

type Objects = Record<string, unknown>;

/** What the controllers and the admission of the real cluster add, which are not the API server's. */
const byControllers = new Set(['kube-controller-manager', 'kube-scheduler', 'rig-provisioner']);

function neutralObject(value: unknown, ignored: ReadonlySet<string>, path = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => neutralObject(item, ignored, `${path}[]`));
    if (path.endsWith('metadata.managedFields')) {
      return items
        .filter((item) => !byControllers.has((item as { manager: string }).manager))
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    }
    return items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const result: Objects = {};
  for (const [name, inner] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    if (['uid', 'resourceVersion', 'creationTimestamp', 'time', 'lastTransitionTime'].includes(name)) continue;
    if (ignored.has(at)) continue;
    const kept = neutralObject(inner, ignored, at);
    // Go writes some absent values as null or nothing; to a client they are the same.
    if (kept !== null && !(name === 'status' && Object.keys(kept as object).length === 0)) result[name] = kept;
  }
  return result;
}

/** As `same`, for one object as JSON; `ignored` gives paths that differ and why. */
function sameObject(title: string, args: readonly string[], ignored: Record<string, string> = {}): void {
  test(title, async () => {
    const all = [...args, '-o', 'json', '--show-managed-fields'];
    const [expected, got] = await Promise.all([kubectl(real.kubeconfig, all), kubectl(oursConfig, all)]);
    expect(got.code, got.text).toBe(expected.code);
    const paths = new Set(Object.keys(ignored));
    const clean = ({ text }: Outcome): unknown =>
      neutralObject(JSON.parse(text.replaceAll(/\b(198\.18|127\.96)\.\d+\.\d+/g, '<address>')), paths);
    expect(clean(got)).toEqual(clean(expected));
  });
}

/** YAML that begins with a brace is taken for JSON by kubectl, so a comment goes first. */
const yaml = (text: string): string => `#\n${text}\n`;

describe('namespaces and the objects that kubectl makes itself', () => {
  same('a namespace is made', ['create', 'namespace', namespace]);
  same('a namespace that is there is not made again', ['create', 'namespace', namespace]);
  same('a config map is made', ['create', 'configmap', 'a', '--from-literal=x=1']);
  sameObject('  and shows who owns its fields', ['get', 'configmap', 'a']);
  same('a secret is made', ['create', 'secret', 'generic', 's', '--from-literal=p=q']);
  sameObject('  with its data encoded', ['get', 'secret', 's']);
  same('a service account is made', ['create', 'serviceaccount', 'robot']);
  same('a role is made', ['create', 'role', 'r', '--verb=get', '--resource=pods']);
  same('a role binding is made', ['create', 'rolebinding', 'rb', '--role=r', `--serviceaccount=${namespace}:robot`]);
  same('a budget is made', ['create', 'pdb', 'made', '--selector=a=b', '--min-available=1']);
  same('objects of a namespace that is not there are refused', ['create', 'configmap', 'x', '-n', 'nowhere']);
  same('a dry run makes nothing', [
    'create',
    'configmap',
    'dry',
    '--from-literal=k=v',
    '--dry-run=server',
    '-o',
    'name',
  ]);
  same('  so it is not found', ['get', 'configmap', 'dry']);
});

const workload = `
apiVersion: v1
kind: Service
metadata: {name: db, labels: {a: b}}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432, name: pg}, {port: 53, name: dns, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: lb}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {app: db}, ports: [{port: 9094, name: ext, targetPort: web}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  podManagementPolicy: Parallel
  replicas: 0
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - name: c
        image: "rig/busybox:1"
        ports: [{containerPort: 80}]
        env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        readinessProbe: {httpGet: {port: 80}}
        volumeMounts: [{name: data, mountPath: /data}, {name: cfg, mountPath: /cfg}]
      volumes: [{name: cfg, projected: {sources: [{configMap: {name: a}}]}}, {name: e}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: db}
spec: {minAvailable: 3, selector: {matchLabels: {app: db}}}
`;

describe('built-in kinds: defaults, checks, columns', () => {
  same('a workload is applied', ['apply', '-f', '-'], workload);
  same('  and again, without a change', ['apply', '-f', '-'], workload);
  sameObject('a headless Service has its defaults', ['get', 'service', 'db']);
  sameObject('a LoadBalancer Service has its defaults', ['get', 'service', 'lb']);
  sameObject('a StatefulSet has its defaults', ['get', 'statefulset', 'db'], {
    status: 'counted by the StatefulSet controller',
  });
  sameObject('a budget has its defaults', ['get', 'pdb', 'db'], { status: 'counted by the budget controller' });
  same('lists have the columns that people know', ['get', 'statefulsets,services,pdb,secrets,roles,rolebindings']);
  same('  and more of them when asked', ['get', 'statefulsets,services,pdb,secrets', '-o', 'wide']);
  same(
    'what a StatefulSet may not change is refused',
    ['apply', '-f', '-'],
    yaml('{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: other}}'),
  );
  same('a StatefulSet is scaled', ['scale', 'statefulset', 'db', '--replicas=0']);
  const environment = ['get', 'statefulset', 'db', '-o', 'jsonpath={.spec.template.spec.containers[0].env}'];
  const patch = (text: string): string[] => [
    ...['patch', 'statefulset', 'db', '-p'],
    `{"spec":{"template":{"spec":{"containers":[{"name":"c","env":[${text}]}]}}}}`,
  ];
  same('a strategic merge patch adds to a list by its key', patch('{"name":"B","value":"1"}'));
  same('  in the order of the original', environment);
  same('  and takes away by a directive', patch('{"name":"B","$patch":"delete"}'));
  same('  so that one is left', environment);
  same(
    'a bad StatefulSet is refused with all that is wrong',
    ['create', '-f', '-'],
    yaml(
      '{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: bad}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: []}}}}',
    ),
  );
  same(
    'a bad Service is refused with all that is wrong',
    ['create', '-f', '-'],
    yaml('{apiVersion: v1, kind: Service, metadata: {name: S_2}, spec: {ports: [{port: 70000}], type: Foo}}'),
  );
  same(
    'an unknown field of a built-in kind is refused',
    ['create', '-f', '-'],
    yaml('{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {foo: 1, ports: [{port: 80, bar: 2}]}}'),
  );
  same(
    '  in a server-side apply, too',
    ['apply', '--server-side', '-f', '-'],
    yaml('{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {foo: 1, ports: [{port: 80}]}}'),
  );
  same(
    'a value of the wrong type is refused',
    ['create', '-f', '-'],
    yaml('{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: "x"}]}}'),
  );
  same(
    'a bad name is refused',
    ['create', '-f', '-'],
    yaml('{apiVersion: v1, kind: ConfigMap, metadata: {name: "a b"}}'),
  );
  same(
    'an object without a name is refused',
    ['create', '-f', '-'],
    yaml('{apiVersion: v1, kind: ConfigMap, metadata: {}}'),
  );
  same(
    'a claim without what it needs is refused',
    ['create', '-f', '-'],
    yaml('{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d}, spec: {}}'),
  );
  same(
    'a claim is made',
    ['create', '-f', '-'],
    yaml(
      '{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec: {storageClassName: none, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}',
    ),
  );
  sameObject('  and waits', ['get', 'pvc', 'c'], {
    'metadata.finalizers': 'the protection of claims in use is a controller that the local cluster does not have',
  });
  same('  as its columns show', ['get', 'pvc', 'c']);
});

describe('pods', () => {
  same(
    'a pod is applied',
    ['apply', '-f', '-'],
    yaml(
      '{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: x}}, spec: {nodeName: nowhere, automountServiceAccountToken: false, containers: [{name: c, image: x, resources: {limits: {cpu: 1, memory: 64Mi}}}]}}',
    ),
  );
  sameObject('  with its defaults', ['get', 'pod', 'p']);
  same('  and is Pending', ['get', 'pods', '-o', 'wide']);
  same('its status is written through the subresource', [
    ...['patch', 'pod', 'p', '--subresource=status', '--type=merge', '-p'],
    '{"status":{"phase":"Running","podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"}],"conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"c","image":"x","imageID":"","ready":true,"restartCount":2,"state":{"running":{}}}]}}',
  ]);
  same('  and shows', ['get', 'pods', '-o', 'wide']);
  same('a field selector finds it by its node', [
    'get',
    'pods',
    '--field-selector',
    'spec.nodeName=nowhere',
    '-o',
    'name',
  ]);
  same('a field selector that does not exist is refused', ['get', 'pods', '--field-selector', 'spec.foo=1']);
  same('a deletion waits for the kubelet', ['delete', 'pod', 'p', '--wait=false']);
  same('  and shows', ['get', 'pods']);
  same('a forced deletion does not', ['delete', 'pod', 'p', '--force', '--grace-period=0']);
  same('  so it is gone', ['get', 'pods']);
});

describe('labels, owners of fields, replacing', () => {
  same('a label is set', ['label', 'configmap', 'a', 'foo=bar']);
  same('a label that is set is not overwritten unasked', ['label', 'configmap', 'a', 'foo=baz']);
  same('a bad label is refused', ['label', 'configmap', 'a', 'foo=bad value', '--overwrite']);
  same('an annotation is set', ['annotate', 'configmap', 'a', 'x=y']);
  const mine = yaml(
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {foo: mine}}, data: {x: '2', y: '3'}}",
  );
  same('an apply conflicts with the owners of two fields', ['apply', '--server-side', '-f', '-'], mine);
  same('  and takes them over when told to', ['apply', '--server-side', '--force-conflicts', '-f', '-'], mine);
  sameObject('  as managedFields show', ['get', 'configmap', 'a']);
  same(
    'what is applied no more goes',
    ['apply', '--server-side', '-f', '-'],
    yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {y: '3'}}"),
  );
  sameObject('  with its owner', ['get', 'configmap', 'a']);
  same(
    'an object is replaced',
    ['replace', '-f', '-'],
    yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {z: '3'}}"),
  );
  sameObject('  and has new owners', ['get', 'configmap', 'a']);
  same(
    'nothing replaces what is not there',
    ['replace', '-f', '-'],
    yaml('{apiVersion: v1, kind: ConfigMap, metadata: {name: no}}'),
  );
  same(
    'a stale replacement conflicts',
    ['replace', '-f', '-'],
    yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, resourceVersion: '1'}, data: {}}"),
  );
  same('a label selector chooses', ['get', 'services', '-l', 'a in (b,c),!z', '-o', 'name']);
});

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.conformance.example.com}
spec:
  group: conformance.example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, shortNames: [wdg], categories: [toys]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    additionalPrinterColumns:
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Note, type: string, priority: 1, jsonPath: .spec.note}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        description: A widget.
        required: [spec]
        properties:
          spec:
            type: object
            description: What is wanted.
            required: [replicas]
            properties:
              replicas: {type: integer, minimum: 1, maximum: 9, description: How many.}
              note: {type: string, pattern: '^[a-z]+$', maxLength: 5}
              mode: {type: string, enum: [a, b], default: a}
              port: {x-kubernetes-int-or-string: true}
              tags: {type: array, items: {type: string}, x-kubernetes-list-type: set}
              items:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, value: {type: integer}}}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              labels: {type: object, additionalProperties: {type: string}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;

const widget = (spec: string, name = 'w'): string =>
  yaml(`{apiVersion: conformance.example.com/v1, kind: Widget, metadata: {name: ${name}}, spec: ${spec}}`);

describe('custom resources', () => {
  same('a definition is applied', ['apply', '-f', '-'], definition);
  same('  and established', [
    'wait',
    '--for=condition=Established',
    'crd/widgets.conformance.example.com',
    '--timeout=20s',
  ]);
  test('  and served', async () => {
    await expect
      .poll(() => kubectl(real.kubeconfig, ['get', 'widgets']).then((outcome) => outcome.code), { timeout: 20_000 })
      .toBe(0);
  });
  for (const [title, spec] of [
    ['too small a number', '{replicas: -1}'],
    ['a text that is too long and does not match', '{replicas: 1, note: "ABC DEF"}'],
    ['a text for a number', '{replicas: "x"}'],
    ['a missing field', '{}'],
    ['an unknown field', '{replicas: 1, foo: 2}'],
    ['a value that is not in the list', '{replicas: 1, mode: c}'],
    ['a number in a set of texts', '{replicas: 1, tags: [1]}'],
    ['an item without its key', '{replicas: 1, items: [{value: 1}]}'],
    ['an item that is there twice', '{replicas: 1, items: [{name: a}, {name: a}]}'],
    ['a member that is there twice', '{replicas: 1, tags: [a, a]}'],
  ] as const) {
    same(`${title} is refused`, ['create', '-f', '-'], widget(spec));
    same('  in a server-side apply, too', ['apply', '--server-side', '-f', '-'], widget(spec));
  }
  same('a name that is too long is refused', ['create', '-f', '-'], widget('{replicas: 1}', 'a'.repeat(254)));
  same('a name with bad letters is refused', ['create', '-f', '-'], widget('{replicas: 1}', 'A_b'));
  same(
    'a good one is taken',
    ['apply', '-f', '-'],
    widget('{replicas: 1, note: abc, free: {x: 1}, labels: {a: b}, port: 8}'),
  );
  sameObject('  with its defaults and owners', ['get', 'widget', 'w']);
  same('its columns are those of the definition', ['get', 'wdg']);
  same('  more of them when asked, by its category', ['get', 'toys', '-o', 'wide']);
  same('its schema is explained', ['explain', 'widget.spec']);
  same('  field by field', ['explain', 'widget.spec.mode']);
  same('a merge patch is checked', ['patch', 'wdg', 'w', '--type=merge', '-p', '{"spec":{"replicas":100}}']);
  same('a strategic merge patch is not for custom resources', ['patch', 'wdg', 'w', '-p', '{"spec":{"replicas":5}}']);
  same('a JSON patch is taken', [
    'patch',
    'wdg',
    'w',
    '--type=json',
    '-p',
    '[{"op":"replace","path":"/spec/replicas","value":3}]',
  ]);
  same('it is scaled', ['scale', 'widget', 'w', '--replicas=5']);
  same('status is written alone', [
    ...['patch', 'wdg', 'w', '--subresource=status', '--type=merge', '-p'],
    '{"status":{"replicas":2,"conditions":[{"type":"Ready","status":"False"}]},"spec":{"replicas":9}}',
  ]);
  same('  and shows', ['get', 'wdg']);
  sameObject('  and has an owner of its own', ['get', 'widget', 'w']);
  same('it is described', ['describe', 'widget', 'w']);
  same('it is deleted', ['delete', 'widget', 'w']);
  same(
    'a definition that is not structural is refused',
    ['apply', '-f', '-'],
    definition.replace('mode: {type: string, enum: [a, b], default: a}', 'mode: {description: no type}'),
  );
});

const ruled = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rules.cel.conformance.example.com}
spec:
  group: cel.conformance.example.com
  scope: Namespaced
  names: {kind: Rule, plural: rules, singular: rule}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-validations:
        - {rule: "!has(self.spec.ext) || size(self.metadata.name) <= 5", message: "name too long"}
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {rule: "!has(self.min) || self.min <= self.replicas", message: "replicas below min", fieldPath: .replicas}
            - {rule: "!has(self.a) || self.a == 'x'"}
            - {rule: "!has(self.b) || self.b == 'x'", messageExpression: "'b is ' + self.b + ' and not x'", reason: FieldValueForbidden}
            properties:
              min: {type: integer}
              replicas: {type: integer, default: 3}
              a: {type: string, maxLength: 20}
              b: {type: string, maxLength: 20}
              ext: {type: boolean}
              kind: {type: string, maxLength: 20, x-kubernetes-validations: [{rule: "self == oldSelf", message: "kind is immutable"}]}
              list: {type: array, maxItems: 5, items: {type: integer, x-kubernetes-validations: [{rule: "self > 1", message: "item too small"}]}}
              keyed: {type: array, maxItems: 5, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: {name: {type: string, maxLength: 9}, v: {type: integer, x-kubernetes-validations: [{rule: "self >= oldSelf", message: "v only grows"}]}}}}
              m: {type: object, maxProperties: 5, additionalProperties: {type: string, maxLength: 9, x-kubernetes-validations: [{rule: "self.startsWith('a')", reason: FieldValueRequired}]}}
              size: {x-kubernetes-int-or-string: true, maxLength: 10}
              st:
                type: object
                properties: {size: {x-kubernetes-int-or-string: true, maxLength: 10}, cls: {type: string, maxLength: 9}}
                x-kubernetes-validations:
                - {rule: "!has(self.size) || !has(oldSelf.size) || quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0", message: "size cannot shrink", fieldPath: .size}
                - {rule: "has(self.cls) == has(oldSelf.cls) && (!has(self.cls) || self.cls == oldSelf.cls)", message: "cls fixed", fieldPath: .cls}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;

const rule = (spec: string, name = 'r'): string =>
  yaml(`{apiVersion: cel.conformance.example.com/v1, kind: Rule, metadata: {name: ${name}}, spec: ${spec}}`);

describe('rules in CEL', () => {
  same('a definition with rules is applied', ['apply', '-f', '-'], ruled);
  test('  and served', async () => {
    await expect
      .poll(() => kubectl(real.kubeconfig, ['get', 'rules']).then((outcome) => outcome.code), { timeout: 20_000 })
      .toBe(0);
  });
  for (const [title, spec] of [
    ['a rule over two fields, with the path of one', '{min: 9, replicas: 1}'],
    ['a rule without a message, on a value of another type', '{a: y}'],
    ['a rule without a message', '{a: "z"}'],
    ['a message that is an expression, and a reason', '{b: "z"}'],
    ['a rule of list items', '{list: [2,1,0]}'],
    ['a rule of the values of a map', '{m: {x: bcd, y: abc}}'],
  ] as const) {
    same(`${title}: refused`, ['apply', '-f', '-'], rule(spec));
  }
  same('a rule over metadata.name: refused', ['apply', '-f', '-'], rule('{ext: true}', 'longname'));
  same(
    'an object that keeps all rules is taken',
    ['apply', '-f', '-'],
    rule('{kind: q, keyed: [{name: a, v: 3},{name: b, v: 2}], st: {size: 5Gi, cls: s}}'),
  );
  same(
    'rules over the old object refuse its update',
    ['apply', '-f', '-'],
    rule('{kind: p, keyed: [{name: b, v: 1},{name: a, v: 3}], st: {size: 4096Mi}}'),
  );
  same('  in a server-side apply, too', ['apply', '--server-side', '-f', '-'], rule('{kind: p}'));
  same(
    'an update that keeps them is taken',
    ['apply', '-f', '-'],
    rule('{kind: q, st: {size: 6Gi, cls: s}, keyed: [{name: b, v: 4}, {name: c, v: 0}]}'),
  );
  test('rules that are no CEL are refused with their place; the words for why are of another library', async () => {
    const bad = ruled
      .replace('self > 1', 'self.foo > 1')
      .replace('self == oldSelf"', "self == 'a' +\"")
      .replace('self >= oldSelf', 'nosuch(self)');
    const places = ({ code, text }: Outcome): unknown => [
      code,
      [...text.matchAll(/^\* (\S+): Invalid value: (.*): compilation failed/gm)]
        .map((match) => `${match[1]} ${match[2]?.replace('\\u003e', '>')}`)
        .sort(),
    ];
    const [expected, got] = await Promise.all([
      kubectl(real.kubeconfig, ['apply', '-f', '-'], bad),
      kubectl(oursConfig, ['apply', '-f', '-'], bad),
    ]);
    expect(places(got)).toEqual(places(expected));
  });
});

describe('the resources of this project', () => {
  const root = resolve(import.meta.dirname, '../..');
  same('its definitions are taken', ['apply', '-f', join(root, 'crds')]);
  test('  and served', async () => {
    await expect
      .poll(() => kubectl(real.kubeconfig, ['get', 'kc,kt,zk']).then((outcome) => outcome.code), { timeout: 20_000 })
      .toBe(0);
  });
  same('the quick start is taken', ['apply', '-f', join(root, 'manifests/quick-start.yaml')]);
  same('  again without a change', ['diff', '-f', join(root, 'manifests/quick-start.yaml')]);
  same('  and shows', ['get', 'kc,kt,zk', '-o', 'wide']);
  for (const kind of ['kafkacluster', 'kafkatopic', 'zookeeper']) {
    same(`${kind}.spec is explained`, ['explain', `${kind}.spec`, '--recursive']);
  }
  const topic = (spec: string): string =>
    yaml(`{apiVersion: kafka.hikube.cloud/v1alpha1, kind: KafkaTopic, metadata: {name: my-topic}, spec: ${spec}}`);
  same(
    'a topic without partitions is refused',
    ['apply', '-f', '-'],
    topic('{cluster: example, partitions: 0, replicas: 3}'),
  );
  test('a topic with an unknown field is refused; the whole object that the message shows differs', async () => {
    const input = topic('{cluster: example, partitions: 3, foo: 3}');
    const ends = ({ code, text }: Outcome): unknown => [
      code,
      text.slice(0, 50),
      text.slice(text.lastIndexOf('strict')),
    ];
    const [expected, got] = await Promise.all([
      kubectl(real.kubeconfig, ['apply', '-f', '-'], input),
      kubectl(oursConfig, ['apply', '-f', '-'], input),
    ]);
    expect(ends(got)).toEqual(ends(expected));
    expect(got.text).toContain('unknown field "spec.foo"');
  });
  same(
    'a topic does not move to another cluster',
    ['apply', '-f', '-'],
    topic('{cluster: other, partitions: 3, replicas: 3}'),
  );
  same(
    'a topic does not lose partitions',
    ['apply', '-f', '-'],
    topic('{cluster: example, partitions: 1, replicas: 3}'),
  );
  same('they are deleted', ['delete', '-f', join(root, 'manifests/quick-start.yaml')]);
});

describe('what is not there', () => {
  same('an object', ['get', 'configmap', 'nosuch']);
  same('an object to delete', ['delete', 'configmap', 'nosuch']);
  same('a kind', ['get', 'nosuchkind']);
  same('a kind to make', ['create', '-f', '-'], yaml('{apiVersion: v1, kind: Foo, metadata: {name: x}}'));
  same(
    'a finalizer of nobody',
    ['create', '-f', '-'],
    yaml('{apiVersion: v1, kind: ConfigMap, metadata: {name: own, finalizers: [a]}}'),
  );
  same('a path', ['get', '--raw', '/apis/apps/v1/foo']);
  same('a group', ['get', '--raw', '/apis/nosuch/v1']);
  same('the answer in raw form', ['get', '--raw', `/api/v1/namespaces/${namespace}/pods/nosuch`]);
});

describe('the end', () => {
  same('a StatefulSet goes after its dependents', ['delete', 'statefulset', 'db', '--cascade=foreground']);
  same('all Services go', ['delete', 'services', '--all']);
  same('the namespace goes with all that is in it', ['delete', 'namespace', namespace]);
  same('  and is not there any more', ['get', 'namespace', namespace]);
  test('no request failed inside our server', () => expect(problems).toEqual([]));
});
