import {
  configMaps,
  controllerRevisions,
  createInformer,
  endpointSlices,
  type IndexFunction,
  type Informer,
  type InformerDeps,
  type KubeObject,
  nodes,
  type Pod,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  type ResourceType,
  secrets,
  services,
  statefulSets,
  storageClasses,
} from '../kube/index.ts';
import { claimNamesOf, controllerUid } from './pod-state.ts';

/** Objects of a type in one namespace. */
const byNamespace: IndexFunction<KubeObject> = (object) => [object.metadata.namespace ?? ''];
const byController: IndexFunction<KubeObject> = (object) => {
  const uid = controllerUid(object);
  return uid === undefined ? [] : [uid];
};
const byClaim: IndexFunction<Pod> = (pod) => claimNamesOf(pod).map((name) => `${pod.metadata.namespace}/${name}`);
const byNode: IndexFunction<Pod> = (pod) => [pod.spec?.nodeName ?? ''];

/**
 * What the cluster holds, one informer a type, shared by all controllers and kubelets of this process. A type is
 * watched from its first use on; use it before `start`.
 */
export function createClusterView(deps: InformerDeps) {
  const informers: Informer<KubeObject>[] = [];
  let markSynced: () => void = () => {};
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve;
  });
  const lazy = <Kind extends KubeObject>(
    type: ResourceType<Kind>,
    indexes: Readonly<Record<string, IndexFunction<Kind>>> = {},
  ): (() => Informer<Kind>) => {
    let informer: Informer<Kind> | undefined;
    return () => {
      if (informer === undefined) {
        informer = createInformer(type, { indexes }, deps);
        informers.push(informer as unknown as Informer<KubeObject>);
      }
      return informer;
    };
  };
  return {
    pods: lazy(pods, { namespace: byNamespace, controller: byController, claim: byClaim, node: byNode }),
    nodes: lazy(nodes),
    services: lazy(services, { namespace: byNamespace }),
    endpointSlices: lazy(endpointSlices, {
      service: (slice) => [`${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`],
    }),
    configMaps: lazy(configMaps),
    secrets: lazy(secrets),
    claims: lazy(persistentVolumeClaims, { namespace: byNamespace }),
    volumes: lazy(persistentVolumes),
    storageClasses: lazy(storageClasses),
    statefulSets: lazy(statefulSets, { namespace: byNamespace }),
    revisions: lazy(controllerRevisions, { controller: byController }),
    budgets: lazy(podDisruptionBudgets, { namespace: byNamespace }),
    /** Resolves with `start`; work that looks at several types begins after it. */
    synced,
    /** Resolves when every type that is in use has been listed once. */
    async start(): Promise<void> {
      for (const informer of informers) informer.start();
      await Promise.all(informers.map((informer) => informer.synced));
      markSynced();
    },
    async stop(): Promise<void> {
      await Promise.all(informers.map((informer) => informer.stop()));
    },
  };
}

export type ClusterView = ReturnType<typeof createClusterView>;
