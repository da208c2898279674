import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../kube/index.ts';

/** Who makes the volumes of our storage classes: folders on this machine. */
export const provisionerName = 'local.kafka.hikube.cloud/folder';
/** `topology: node` in a class's parameters binds each volume to one node; otherwise every node reaches it. */
export const topologyParameter = 'topology';
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';
export const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';
export const claimProtectionFinalizer = 'kubernetes.io/pvc-protection';

export function waitsForConsumer(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): boolean {
  return claim.spec?.volumeName === undefined && storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
}

export const storageClassesOfOurs: readonly StorageClass[] = [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    // As most clusters call the class of claims that name none.
    metadata: { name: 'standard', annotations: { [defaultClassAnnotation]: 'true' } },
    provisioner: provisionerName,
    parameters: { [topologyParameter]: 'node' },
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
    allowVolumeExpansion: true,
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'local' },
    provisioner: provisionerName,
    parameters: { [topologyParameter]: 'node' },
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
    allowVolumeExpansion: true,
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'replicated' },
    provisioner: provisionerName,
    volumeBindingMode: 'Immediate',
    reclaimPolicy: 'Delete',
    allowVolumeExpansion: true,
  },
];

/** Name of the folder of a claim's volume: readable, and different for a claim that is made again. */
export function folderNameOf(claim: PersistentVolumeClaim): string {
  return `${claim.metadata.namespace}_${claim.metadata.name}_${(claim.metadata.uid ?? '').slice(0, 8)}`;
}

/** The volume that a claim gets. */
export function volumeFor(claim: PersistentVolumeClaim, storageClass: StorageClass, path: string): PersistentVolume {
  const node = claim.metadata.annotations?.[selectedNodeAnnotation];
  const isOfNode = storageClass.parameters?.[topologyParameter] === 'node' && node !== undefined;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: `pvc-${claim.metadata.uid}`,
      annotations: { 'pv.kubernetes.io/provisioned-by': provisionerName },
    },
    spec: {
      accessModes: claim.spec?.accessModes ?? ['ReadWriteOnce'],
      capacity: { storage: requestedStorage(claim) },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: claim.metadata.namespace,
        name: claim.metadata.name,
        uid: claim.metadata.uid,
      },
      hostPath: { path, type: 'DirectoryOrCreate' },
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name,
      volumeMode: 'Filesystem',
      ...(isOfNode
        ? {
            nodeAffinity: {
              required: {
                nodeSelectorTerms: [
                  { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
                ],
              },
            },
          }
        : {}),
    },
  };
}

export function requestedStorage(claim: PersistentVolumeClaim): string {
  return claim.spec?.resources?.requests?.storage ?? '1Gi';
}
