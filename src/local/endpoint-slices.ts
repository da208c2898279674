import { createHash } from 'node:crypto';
import type { EndpointSlice, Node, Pod, Service } from '../kube/index.ts';
import { isOver, isReady, isTerminating } from './pod-state.ts';

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** Whose slices are ours to write; the value that the original controller uses. */
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const managedByValue = 'endpointslice-controller.k8s.io';
export const serviceNameLabel = 'kubernetes.io/service-name';

/**
 * The slices of a Service, pure. One slice for each different set of ports (named target ports can differ between
 * pods); the original's limit of 100 endpoints a slice is kept.
 */
export function endpointSlicesFor(
  service: Service,
  pods: readonly Pod[],
  nodes: ReadonlyMap<string, Node>,
): EndpointSlice[] {
  const groups = new Map<string, { readonly ports: EndpointSlice['ports']; readonly endpoints: SliceEndpoint[] }>();
  for (const pod of [...pods].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const address = pod.status?.podIP;
    if (address === undefined || address === '' || isOver(pod)) continue;
    const ports = portsOf(service, pod);
    const id = JSON.stringify(ports);
    const group = groups.get(id) ?? { ports, endpoints: [] };
    groups.set(id, group);
    group.endpoints.push(endpointOf(service, pod, address, nodes));
  }
  // A Service without endpoints has an empty slice, so that everyone can see that it was looked at.
  if (groups.size === 0) groups.set('', { ports: [], endpoints: [] });
  const slices: EndpointSlice[] = [];
  for (const [id, { ports, endpoints }] of groups) {
    for (let from = 0; from === 0 || from < endpoints.length; from += 100) {
      slices.push(sliceOf(service, ports, endpoints.slice(from, from + 100), `${id}#${from}`));
    }
  }
  return slices;
}

function sliceOf(
  service: Service,
  ports: EndpointSlice['ports'],
  endpoints: SliceEndpoint[],
  id: string,
): EndpointSlice {
  const suffix = createHash('sha256').update(`${service.metadata.uid} ${id}`).digest('hex').slice(0, 5);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service.metadata.name}-${suffix}`,
      namespace: service.metadata.namespace,
      labels: {
        ...service.metadata.labels,
        [serviceNameLabel]: service.metadata.name,
        [managedByLabel]: managedByValue,
        ...(service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
      },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Service',
          name: service.metadata.name,
          uid: service.metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: 'IPv4',
    endpoints,
    ports,
  };
}

function endpointOf(service: Service, pod: Pod, address: string, nodes: ReadonlyMap<string, Node>): SliceEndpoint {
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const zone = nodes.get(pod.spec?.nodeName ?? '')?.metadata.labels?.['topology.kubernetes.io/zone'];
  // Only pods of this headless Service have names below it.
  const isNamed = pod.spec?.hostname !== undefined && pod.spec.subdomain === service.metadata.name;
  return {
    addresses: [address],
    conditions: {
      ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(isNamed ? { hostname: pod.spec?.hostname } : {}),
    ...(pod.spec?.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    ...(zone === undefined ? {} : { zone }),
    targetRef: { kind: 'Pod', name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
  };
}

function portsOf(service: Service, pod: Pod): NonNullable<EndpointSlice['ports']> {
  return (service.spec?.ports ?? []).flatMap(({ name, port, targetPort, protocol, appProtocol }) => {
    const number = typeof targetPort === 'string' ? containerPort(pod, targetPort) : (targetPort ?? port);
    if (number === undefined) return [];
    return [
      {
        name: name ?? '',
        port: number,
        protocol: protocol ?? 'TCP',
        ...(appProtocol === undefined ? {} : { appProtocol }),
      },
    ];
  });
}

function containerPort(pod: Pod, name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  for (const container of pod.spec?.containers ?? []) {
    const port = container.ports?.find((candidate) => candidate.name === name);
    if (port !== undefined) return port.containerPort;
  }
  return undefined;
}
