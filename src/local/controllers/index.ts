/**
 * The controllers that a cluster has and that the operator counts on: StatefulSets, scheduling, volumes, endpoints,
 * load balancers, disruption budgets. Each is an ordinary client of the API server: store -> pure plan -> writes.
 * Deployments, Jobs and the rest are not here. Deletion of owned objects is the API server's own work.
 *
 * Invariants: one key is worked on by one pass at a time; a pass can be cut at any write and be run again; whatever
 * destroys something asks the API server itself first or names the UID it means.
 */
import type { AddressBook } from '../address-book.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { createDisruptionBudgetController } from './disruption-budgets.ts';
import { createEndpointSliceController } from './endpoint-slices-driver.ts';
import { createLoadBalancerController } from './load-balancers.ts';
import { createScheduler } from './scheduler/scheduler-driver.ts';
import { createStatefulSetController } from './stateful-set/stateful-set-driver.ts';
import { createVolumeBinder } from './volumes/volume-binder-driver.ts';

export type { Controller, ControllerDeps } from './controller.ts';
export { createLoadBalancerController, directPodOf } from './load-balancers.ts';

/** @param options.volumesFolder  absolute; every volume is a folder in it */
export function createControllers(
  deps: ControllerDeps,
  options: { readonly addresses: AddressBook; readonly volumesFolder: string },
): readonly Controller[] {
  return [
    createStatefulSetController(deps),
    createScheduler(deps),
    createVolumeBinder(deps, { folder: options.volumesFolder }),
    createEndpointSliceController(deps),
    createLoadBalancerController(deps, options.addresses),
    createDisruptionBudgetController(deps),
  ];
}
