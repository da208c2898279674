import {
  configMaps,
  type KubeObject,
  podDisruptionBudgets,
  type ResourceType,
  services,
  statefulSets,
} from '../../kube/index.ts';
import type { Cache } from './cache.ts';

/** All objects of one resource that the operator makes and deletes: not pods and claims, which the StatefulSet makes. */
export function managedObjects(cache: Cache, owner: string): { type: ResourceType; object: KubeObject }[] {
  return [
    ...cache.configMaps.byIndex('owner', owner).map((object) => ({ type: configMaps, object })),
    ...cache.services.byIndex('owner', owner).map((object) => ({ type: services, object })),
    ...cache.podDisruptionBudgets.byIndex('owner', owner).map((object) => ({ type: podDisruptionBudgets, object })),
    ...cache.statefulSets.byIndex('owner', owner).map((object) => ({ type: statefulSets, object })),
  ];
}
