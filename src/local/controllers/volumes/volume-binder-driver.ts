import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createWorkQueue,
  done,
  keyOf,
  type Next,
  type PersistentVolume,
  type PersistentVolumeClaim,
  persistentVolumeClaims,
  persistentVolumes,
  retryBecause,
  type StorageClass,
  storageClasses,
} from '../../../kube/index.ts';
import { isOver, isTerminating } from '../../pod-state.ts';
import { quantityValue } from '../../quantity.ts';
import type { Controller, ControllerDeps } from '../controller.ts';
import {
  claimProtectionFinalizer,
  defaultClassAnnotation,
  folderNameOf,
  provisionerName,
  requestedStorage,
  selectedNodeAnnotation,
  storageClassesOfOurs,
  volumeFor,
  waitsForConsumer,
} from './claims.ts';

/** PersistentVolumeClaim -> PersistentVolume with a folder; growth; and the folder's end when the claim is gone. */
export function createVolumeBinder(
  { client, view, recorder, clock, random, logger }: ControllerDeps,
  { folder }: { readonly folder: string },
): Controller {
  const claims = view.claims();
  const volumes = view.volumes();
  const classes = view.storageClasses();
  const pods = view.pods();
  const claimQueue = createWorkQueue(
    { name: 'claims', concurrency: 4, process: reconcileClaim, startWhen: view.synced },
    { clock, random, logger },
  );
  const volumeQueue = createWorkQueue(
    { name: 'volumes', concurrency: 4, process: reconcileVolume, startWhen: view.synced },
    { clock, random, logger },
  );

  claims.onChange(({ key, current, previous }) => {
    claimQueue.add(key);
    const volume = current?.spec?.volumeName ?? previous?.spec?.volumeName;
    if (volume !== undefined) volumeQueue.add(volume);
  });
  volumes.onChange(({ key, current }) => {
    volumeQueue.add(key);
    const claim = current?.spec?.claimRef;
    if (claim !== undefined) claimQueue.add(`${claim.namespace}/${claim.name}`);
  });
  classes.onChange(() => {
    for (const claim of claims.list()) if (claim.status?.phase !== 'Bound') claimQueue.add(keyOf(claim));
  });
  // The end of a pod can release a claim that waits to be deleted.
  pods.onChange(({ current, previous }) => {
    if (current !== undefined && !isOver(current)) return;
    for (const claim of claims.byIndex(
      'namespace',
      previous?.metadata.namespace ?? current?.metadata.namespace ?? '',
    )) {
      if (isTerminating(claim)) claimQueue.add(keyOf(claim));
    }
  });

  async function reconcileClaim(key: string): Promise<Next> {
    const claim = claims.get(key);
    if (claim === undefined) return done;
    if (isTerminating(claim)) return releaseClaim(claim);
    const className = claim.spec?.storageClassName ?? defaultClass()?.metadata.name;
    if (claim.spec?.storageClassName === undefined && className !== undefined) {
      const answer = await client.mergePatch(persistentVolumeClaims, claim.metadata, {
        spec: { storageClassName: className },
      });
      return answer.ok || answer.problem.kind === 'notFound' ? done : retryBecause(answer.problem.message);
    }
    const storageClass = className === undefined ? undefined : classes.get(className);
    if (storageClass === undefined) {
      const note =
        className === undefined
          ? 'no storage class is named and none is the default'
          : `storageclass.storage.k8s.io "${className}" not found`;
      recorder.record(claim, { type: 'Warning', reason: 'ProvisioningFailed', action: 'Provisioning', note });
      return done;
    }
    if (storageClass.provisioner !== provisionerName) return done;
    if (claim.spec?.volumeName === undefined || claim.status?.phase !== 'Bound') return bindClaim(claim, storageClass);
    return growClaim(claim, storageClass);
  }

  async function bindClaim(claim: PersistentVolumeClaim, storageClass: StorageClass): Promise<Next> {
    const node = claim.metadata.annotations?.[selectedNodeAnnotation];
    if (waitsForConsumer(claim, storageClass) && node === undefined) return done;
    const path = join(folder, folderNameOf(claim));
    await mkdir(path, { recursive: true });
    const volume = volumeFor(claim, storageClass, path);
    const created = await client.create(persistentVolumes, volume);
    if (!created.ok && created.problem.kind !== 'alreadyExists') return retryBecause(created.problem.message);
    const isProtected = claim.metadata.finalizers?.includes(claimProtectionFinalizer) === true;
    const spec = await client.mergePatch(persistentVolumeClaims, claim.metadata, {
      metadata: {
        uid: claim.metadata.uid,
        annotations: { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' },
        ...(isProtected ? {} : { finalizers: [...(claim.metadata.finalizers ?? []), claimProtectionFinalizer] }),
      },
      spec: { volumeName: volume.metadata.name },
    });
    if (!spec.ok) return spec.problem.kind === 'notFound' ? done : retryBecause(spec.problem.message);
    const status = await client.patchStatus(persistentVolumeClaims, claim.metadata, {
      metadata: { uid: claim.metadata.uid },
      status: { phase: 'Bound', accessModes: volume.spec?.accessModes, capacity: volume.spec?.capacity },
    });
    if (!status.ok) return retryBecause(status.problem.message);
    recorder.record(claim, {
      type: 'Normal',
      reason: 'ProvisioningSucceeded',
      action: 'Provisioning',
      note: `Successfully provisioned volume ${volume.metadata.name}`,
    });
    return done;
  }

  async function growClaim(claim: PersistentVolumeClaim, storageClass: StorageClass): Promise<Next> {
    const wanted = requestedStorage(claim);
    const has = quantityValue(claim.status?.capacity?.storage) ?? 0;
    if ((quantityValue(wanted) ?? 0) <= has) return done;
    if (storageClass.allowVolumeExpansion !== true) {
      const note = `storage class ${storageClass.metadata.name} does not allow volumes to grow`;
      recorder.record(claim, { type: 'Warning', reason: 'ExternalExpanding', action: 'Resizing', note });
      return done;
    }
    // A folder has no size of its own: growing is a matter of the record.
    const volume = await client.mergePatch(
      persistentVolumes,
      { name: claim.spec?.volumeName ?? '' },
      { spec: { capacity: { storage: wanted } } },
    );
    if (!volume.ok) return retryBecause(volume.problem.message);
    const status = await client.patchStatus(persistentVolumeClaims, claim.metadata, {
      metadata: { uid: claim.metadata.uid },
      status: { capacity: { storage: wanted } },
    });
    if (!status.ok) return retryBecause(status.problem.message);
    const note = `the volume has ${wanted} now`;
    recorder.record(claim, { type: 'Normal', reason: 'VolumeResizeSuccessful', action: 'Resizing', note });
    return done;
  }

  /** A claim in use stays until its pods are gone, as the protection finalizer promises. */
  async function releaseClaim(claim: PersistentVolumeClaim): Promise<Next> {
    const finalizers = claim.metadata.finalizers ?? [];
    if (!finalizers.includes(claimProtectionFinalizer)) return done;
    if (pods.byIndex('claim', keyOf(claim)).some((pod) => !isOver(pod) || pod.metadata.deletionTimestamp !== undefined))
      return done;
    const answer = await client.mergePatch(persistentVolumeClaims, claim.metadata, {
      metadata: {
        uid: claim.metadata.uid,
        resourceVersion: claim.metadata.resourceVersion,
        finalizers: finalizers.filter((finalizer) => finalizer !== claimProtectionFinalizer),
      },
    });
    return answer.ok || answer.problem.kind === 'notFound' ? done : retryBecause(answer.problem.message);
  }

  async function reconcileVolume(name: string): Promise<Next> {
    const volume = volumes.get(name);
    if (volume?.metadata.annotations?.['pv.kubernetes.io/provisioned-by'] !== provisionerName) return done;
    const reference = volume.spec?.claimRef;
    const claimKey = { namespace: reference?.namespace, name: reference?.name ?? '' };
    const stored = claims.get(`${claimKey.namespace}/${claimKey.name}`);
    if (stored !== undefined && stored.metadata.uid === reference?.uid) return setPhase(volume, 'Bound');
    // Before anything is destroyed the API server itself is asked: the store may be behind.
    const live = await client.get(persistentVolumeClaims, claimKey);
    if (live.ok && live.value.metadata.uid === reference?.uid) return done;
    if (!live.ok && live.problem.kind !== 'notFound') return retryBecause(live.problem.message);
    if (volume.spec?.persistentVolumeReclaimPolicy !== 'Delete') return setPhase(volume, 'Released');
    const path = volume.spec.hostPath?.path;
    // Only ever below our own folder: a volume's path is data that somebody could have edited.
    if (path?.startsWith(`${folder}/`) && !path.includes('/../')) await rm(path, { recursive: true, force: true });
    const answer = await client.delete(persistentVolumes, { name }, { preconditions: { uid: volume.metadata.uid } });
    return answer.ok || answer.problem.kind === 'notFound' ? done : retryBecause(answer.problem.message);
  }

  async function setPhase(volume: PersistentVolume, phase: 'Bound' | 'Released'): Promise<Next> {
    if (volume.status?.phase === phase) return done;
    const answer = await client.patchStatus(persistentVolumes, volume.metadata, { status: { phase } });
    return answer.ok || answer.problem.kind === 'notFound' ? done : retryBecause(answer.problem.message);
  }

  function defaultClass(): StorageClass | undefined {
    return classes.list().find(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === 'true');
  }

  async function installClasses(): Promise<void> {
    for (const storageClass of storageClassesOfOurs) {
      const answer = await client.create(storageClasses, storageClass);
      if (!answer.ok && answer.problem.kind !== 'alreadyExists') {
        logger.error({ problem: answer.problem }, 'cannot make a storage class');
      }
    }
  }
  const installed = installClasses();

  return {
    name: 'volumes',
    async stop() {
      await installed;
      await Promise.all([claimQueue.stop(), volumeQueue.stop()]);
    },
  };
}
