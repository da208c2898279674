import type { Api } from '../api.ts';
import { type KubeObject, timestamp } from '../object.ts';
import { storeKey } from '../store/store.ts';
import { removeObject, settle } from '../verbs/remove.ts';

const firstNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Makes the namespaces that every cluster has. */
export function makeFirstNamespaces(api: Api): void {
  for (const name of firstNamespaces) {
    if (api.store.get('namespaces', storeKey(undefined, name)) !== undefined) continue;
    api.store.put('namespaces', storeKey(undefined, name), {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name,
        uid: api.newUid(),
        creationTimestamp: timestamp(api.clock.nowMs()),
        labels: { 'kubernetes.io/metadata.name': name },
      },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  }
}

/**
 * Empties a namespace that is being deleted, and lets it go when nothing is left in it; gives every other namespace
 * its service account `default`. Pods and objects with finalizers take their time: each removal is another look.
 */
export function startNamespaces(api: Api): () => void {
  const leave = (name: string): void => {
    const namespace = api.store.get('namespaces', storeKey(undefined, name));
    const resource = api.registry.ofBucket('namespaces');
    if (namespace?.metadata.deletionTimestamp === undefined || resource === undefined) return;
    let left = 0;
    for (const bucket of api.store.bucketNames()) {
      const of = api.registry.ofBucket(bucket);
      if (of === undefined || !of.namespaced) continue;
      for (const object of api.store.list(bucket, name)) {
        if (object.metadata.deletionTimestamp === undefined)
          removeObject(api, of, object, { propagation: 'Background', dryRun: false });
      }
      left += api.store.list(bucket, name).length;
    }
    if (left > 0) return;
    const current = api.store.get('namespaces', storeKey(undefined, name));
    if (current !== undefined) settle(api, resource, storeKey(undefined, name), { ...current, spec: {} });
  };
  const welcome = (namespace: KubeObject): void => {
    const name = namespace.metadata.name as string;
    const key = storeKey(name, 'default');
    if (namespace.metadata.deletionTimestamp !== undefined) return;
    if (api.store.get('namespaces', storeKey(undefined, name)) === undefined) return;
    if (api.store.get('serviceaccounts', key) === undefined) {
      api.store.put('serviceaccounts', key, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: {
          name: 'default',
          namespace: name,
          uid: api.newUid(),
          creationTimestamp: timestamp(api.clock.nowMs()),
        },
      });
    }
  };
  const stop = api.store.listenToAll((bucket, event) => {
    if (bucket === 'namespaces' && event.type !== 'DELETED') {
      if (event.object.metadata.deletionTimestamp === undefined) welcome(event.object);
      else leave(event.object.metadata.name as string);
    } else if (bucket !== 'namespaces' && event.type === 'DELETED' && event.object.metadata.namespace !== undefined) {
      leave(event.object.metadata.namespace);
      const namespace = api.store.get('namespaces', storeKey(undefined, event.object.metadata.namespace));
      if (bucket === 'serviceaccounts' && namespace !== undefined) welcome(namespace);
    }
  });
  for (const namespace of api.store.list('namespaces')) {
    if (namespace.metadata.deletionTimestamp === undefined) welcome(namespace);
    else leave(namespace.metadata.name as string);
  }
  return stop;
}
