import type { Api } from '../api.ts';
import { cleanupFinalizer, definitionsBucket, specOfDefinition } from '../kinds/definitions.ts';
import { storeKey } from '../store/store.ts';
import { removeObject, settle } from '../verbs/remove.ts';

/** Deletes the objects of a definition that is being deleted, and lets it go when the last one is gone. */
export function startDefinitions(api: Api): () => void {
  const leave = (name: string): void => {
    const definition = api.store.get(definitionsBucket, storeKey(undefined, name));
    const resource = api.registry.ofBucket(definitionsBucket);
    if (definition?.metadata.deletionTimestamp === undefined || resource === undefined) return;
    const { names, group } = specOfDefinition(definition);
    const bucket = `${names.plural}.${group}`;
    const [custom] = api.registry.ofDefinition(definition);
    if (custom !== undefined) {
      for (const object of api.store.list(bucket)) {
        if (object.metadata.deletionTimestamp === undefined) removeObject(api, custom, object, { dryRun: false });
      }
    }
    if (api.store.list(bucket).length > 0) return;
    const current = api.store.get(definitionsBucket, storeKey(undefined, name));
    if (current?.metadata.finalizers?.includes(cleanupFinalizer) !== true) return;
    const finalizers = current.metadata.finalizers.filter((finalizer) => finalizer !== cleanupFinalizer);
    settle(api, resource, storeKey(undefined, name), { ...current, metadata: { ...current.metadata, finalizers } });
  };
  const stop = api.store.listenToAll((bucket, event) => {
    if (bucket === definitionsBucket && event.type !== 'DELETED') leave(event.object.metadata.name as string);
    // The bucket of a custom resource has its definition's name.
    else if (event.type === 'DELETED') leave(bucket);
  });
  for (const definition of api.store.list(definitionsBucket)) leave(definition.metadata.name as string);
  return stop;
}
