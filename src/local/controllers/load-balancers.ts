import { type Address, type Result, success } from '../../base/index.ts';
import {
  createWorkQueue,
  done,
  type Next,
  retryBecause,
  type Service,
  services as serviceType,
} from '../../kube/index.ts';
import type { AddressBook } from '../address-book.ts';
import { isTerminating } from '../pod-state.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { podNameLabel } from './stateful-set/pods.ts';

/**
 * The pod whose own address a LoadBalancer Service can be given, because all traffic goes to it unchanged: the Service
 * selects one pod of a StatefulSet by name and keeps the port numbers. Its clients then reach the pod without a forwarder
 * between. (A port that is forwarded to a container's port name may differ, so it does not qualify.)
 */
export function directPodOf(service: Service): string | undefined {
  const pod = service.spec?.selector?.[podNameLabel];
  const keepsPorts = (service.spec?.ports ?? []).every(
    ({ port, targetPort }) => targetPort === undefined || targetPort === port,
  );
  return pod !== undefined && keepsPorts ? `${service.metadata.namespace}/${pod}` : undefined;
}

type Ingress = {
  readonly ip: string;
  readonly ipMode: string;
  readonly ports?: readonly { readonly port: number; readonly protocol: string }[];
};

/** Service of type LoadBalancer -> an address in its status, as a cloud's controller gives a public one. */
export function createLoadBalancerController(
  { client, view, recorder, clock, random, logger }: ControllerDeps,
  addresses: AddressBook,
): Controller {
  const services = view.services();
  const queue = createWorkQueue(
    { name: 'load-balancers', concurrency: 2, process: reconcile, startWhen: view.synced },
    { clock, random, logger },
  );
  services.onChange(({ key }) => queue.add(key));

  async function reconcile(key: string): Promise<Next> {
    const service = services.get(key);
    if (service === undefined || isTerminating(service)) return done;
    const present = service.status?.loadBalancer?.ingress ?? [];
    if (service.spec?.type !== 'LoadBalancer') {
      if (present.length === 0) return done;
      const answer = await client.patchStatus(serviceType, service.metadata, {
        status: { loadBalancer: { ingress: null } },
      });
      return answer.ok ? done : retryBecause(answer.problem.message);
    }
    const pod = directPodOf(service);
    const address = pod === undefined ? addresses.ofLoadBalancer(key) : addresses.ofPod(pod);
    if (!address.ok) {
      recorder.record(service, { type: 'Warning', reason: 'SyncLoadBalancerFailed', note: address.problem });
      return retryBecause(address.problem);
    }
    const ingress = ingressOf(service, address.value);
    if (!ingress.ok) return retryBecause(ingress.problem);
    const [first] = present;
    const isSame = first?.ip === ingress.value.ip && first?.ports?.[0]?.port === ingress.value.ports?.[0]?.port;
    if (present.length === 1 && isSame) return done;
    const answer = await client.patchStatus(serviceType, service.metadata, {
      metadata: { uid: service.metadata.uid },
      status: { loadBalancer: { ingress: [ingress.value] } },
    });
    if (!answer.ok) return answer.problem.kind === 'notFound' ? done : retryBecause(answer.problem.message);
    const note = `the load balancer has address ${ingress.value.ip}`;
    recorder.record(service, { type: 'Normal', reason: 'EnsuredLoadBalancer', note });
    return done;
  }

  /** With the ports at which it is really served, if they are not the Service's. */
  function ingressOf(service: Service, ip: string): Result<Ingress, string> {
    if (addresses.portsOf(ip) === undefined) return success({ ip, ipMode: 'VIP' });
    const served: Address[] = [];
    for (const { port } of service.spec?.ports ?? []) {
      const answer = addresses.served({ host: ip, port });
      if (!answer.ok) return answer;
      served.push(answer.value);
    }
    const ports = served.map(({ port }) => ({ port, protocol: 'TCP' }));
    return success({ ip: served[0]?.host ?? ip, ipMode: 'VIP', ports });
  }

  return { name: 'load-balancers', stop: () => queue.stop() };
}
