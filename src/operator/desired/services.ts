import { type KubeObject, type Service, services } from '../../kube/index.ts';
import { type Component, objectLabels, selectorLabels } from './names.ts';
import { type DesiredObject, desiredObject } from './object.ts';

type Port = { readonly name: string; readonly port: number };

type ServiceInput = {
  readonly component: Component;
  readonly owner: { readonly name: string; readonly namespace: string };
  readonly ownerReferences: KubeObject['metadata']['ownerReferences'];
  readonly name: string;
  readonly ports: readonly Port[];
};

function service(
  { component, owner, ownerReferences, name, ports }: ServiceInput,
  spec: NonNullable<Service['spec']>,
  labels: Readonly<Record<string, string>> = {},
): DesiredObject<Service> {
  return desiredObject(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: owner.namespace,
      labels: { ...objectLabels(component, owner.name), ...labels },
      ownerReferences,
    },
    spec: {
      ...spec,
      selector: { ...selectorLabels(component, owner.name), ...spec.selector },
      ports: ports.map((port) => ({ name: port.name, port: port.port, targetPort: port.port, protocol: 'TCP' })),
    },
  });
}

/** Gives each pod a name of its own; also while it is not ready, as peers must find each other to become ready. */
export const headlessService = (input: ServiceInput): DesiredObject<Service> =>
  service(input, { type: 'ClusterIP', clusterIP: 'None', publishNotReadyAddresses: true });

/** One address in the cluster for all ready pods. */
export const clusterService = (
  input: ServiceInput & { readonly labels?: Readonly<Record<string, string>> },
): DesiredObject<Service> => service(input, { type: 'ClusterIP' }, input.labels);

/**
 * One address outside the cluster: for all pods, or for one of them. A single pod's address is published while the pod
 * is not ready, too: clients of its partitions wait for it there, and must not be sent elsewhere.
 */
export const loadBalancerService = (input: ServiceInput & { readonly pod?: string }): DesiredObject<Service> =>
  service(input, {
    type: 'LoadBalancer',
    ...(input.pod === undefined
      ? {}
      : { selector: { 'statefulset.kubernetes.io/pod-name': input.pod }, publishNotReadyAddresses: true }),
  });
