import {
  createWorkQueue,
  done,
  type EndpointSlice,
  endpointSlices,
  keyOf,
  type Next,
  type Pod,
  retryBecause,
} from '../../kube/index.ts';
import { endpointSlicesFor, managedByLabel, managedByValue } from '../endpoint-slices.ts';
import { matchesSelector } from '../label-selectors.ts';
import { isTerminating } from '../pod-state.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { canonicalText } from './stateful-set/revisions.ts';

/** Service with a selector -> EndpointSlices. */
export function createEndpointSliceController({ client, view, clock, random, logger }: ControllerDeps): Controller {
  const services = view.services();
  const pods = view.pods();
  const nodes = view.nodes();
  const slices = view.endpointSlices();
  const queue = createWorkQueue(
    { name: 'endpoint-slices', concurrency: 4, process: reconcile, startWhen: view.synced },
    { clock, random, logger },
  );

  services.onChange(({ key }) => queue.add(key));
  pods.onChange(({ current, previous }) => {
    for (const pod of [current, previous]) if (pod !== undefined) addServicesOf(pod);
  });
  slices.onChange(({ current, previous }) => {
    const slice = current ?? previous;
    const service = slice?.metadata.labels?.['kubernetes.io/service-name'];
    if (service !== undefined) queue.add(`${slice?.metadata.namespace}/${service}`);
  });

  function addServicesOf(pod: Pod): void {
    for (const service of services.byIndex('namespace', pod.metadata.namespace ?? '')) {
      const selector = service.spec?.selector;
      if (selector !== undefined && matchesSelector({ matchLabels: selector }, pod.metadata.labels))
        queue.add(keyOf(service));
    }
  }

  async function reconcile(key: string): Promise<Next> {
    const service = services.get(key);
    const selector = service?.spec?.selector;
    if (service === undefined || selector === undefined || isTerminating(service)) return done;
    if (Object.keys(selector).length === 0 || service.spec?.type === 'ExternalName') return done;
    const selected = pods
      .byIndex('namespace', service.metadata.namespace ?? '')
      .filter((pod) => matchesSelector({ matchLabels: selector }, pod.metadata.labels));
    const wanted = endpointSlicesFor(
      service,
      selected,
      new Map(nodes.list().map((node) => [node.metadata.name, node])),
    );
    const existing = slices
      .byIndex('service', key)
      .filter((slice) => slice.metadata.labels?.[managedByLabel] === managedByValue);
    const problems: string[] = [];
    for (const slice of wanted) {
      const before = existing.find(({ metadata }) => metadata.name === slice.metadata.name);
      if (before !== undefined && content(before) === content(slice)) continue;
      const answer =
        before === undefined
          ? await client.create(endpointSlices, slice)
          : await client.replace(endpointSlices, {
              ...slice,
              metadata: { ...slice.metadata, resourceVersion: before.metadata.resourceVersion },
            });
      // A conflict means that a newer slice is on its way to the store, which brings us here again.
      if (!answer.ok && answer.problem.kind !== 'alreadyExists' && answer.problem.kind !== 'conflict') {
        problems.push(answer.problem.message);
      }
    }
    for (const slice of existing) {
      if (wanted.some(({ metadata }) => metadata.name === slice.metadata.name)) continue;
      const answer = await client.delete(endpointSlices, slice.metadata, {
        preconditions: { uid: slice.metadata.uid },
      });
      if (!answer.ok && answer.problem.kind !== 'notFound' && answer.problem.kind !== 'conflict') {
        problems.push(answer.problem.message);
      }
    }
    return problems[0] === undefined ? done : retryBecause(problems[0]);
  }

  return { name: 'endpoint-slices', stop: () => queue.stop() };
}

function content({ metadata, endpoints, ports }: EndpointSlice): string {
  return canonicalText([metadata.labels, endpoints ?? [], ports ?? []]);
}
