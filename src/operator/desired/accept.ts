/**
 * From the spec that is asked for to the spec that is in effect: what cannot be done is refused by itself, and the
 * rest is done. Only a resource that has no StatefulSet yet is held back as a whole: it begins right or not at all.
 */
import {
  type Config,
  type Findings,
  type KafkaCluster,
  kafkaClusterFindings,
  quantityValue,
  type Refusal,
  type Storage,
  type ZooKeeper,
  zooKeeperFindings,
} from '../../api/index.ts';
import type { StatefulSet } from '../../kube/index.ts';
import { annotations } from './names.ts';
import { stableText } from './object.ts';

export type Accepted<Kind> = {
  /** With the spec that is in effect; undefined: nothing is to be made. */
  readonly effective: Kind | undefined;
  readonly refusals: readonly Refusal[];
  readonly warnings: Findings['warnings'];
};

function acceptedReplicas(
  asked: number,
  live: StatefulSet | undefined,
): { value: number; refusal: Refusal | undefined } {
  const there = live?.spec?.replicas ?? 0;
  if (asked >= there) return { value: asked, refusal: undefined };
  const message =
    `${asked} is less than the ${there} there are, and taking pods away is not supported yet, as their data would be ` +
    `lost; set it back to ${there}`;
  return { value: there, refusal: { reason: 'ScaleDownNotSupported', field: 'spec.replicas', message } };
}

function acceptedStorage(asked: Storage, live: StatefulSet | undefined): { value: Storage; refusals: Refusal[] } {
  const there = live?.spec?.volumeClaimTemplates?.[0]?.spec;
  if (there === undefined) return { value: asked, refusals: [] };
  const refusals: Refusal[] = [];
  let value = asked;
  const size = there.resources?.requests?.storage;
  if (size !== undefined && quantityValue(asked.size) < quantityValue(size)) {
    refusals.push({
      reason: 'StorageShrinkNotSupported',
      field: 'spec.storage.size',
      message: `${asked.size} is less than the ${size} the volumes have, and volumes cannot shrink; set it back to ${size}`,
    });
    value = { ...value, size };
  }
  if ((asked.storageClass ?? '') !== (there.storageClassName ?? '')) {
    const was = there.storageClassName === undefined ? 'the default class' : `class ${there.storageClassName}`;
    const back = there.storageClassName === undefined ? 'remove it again' : `set it back to ${there.storageClassName}`;
    refusals.push({
      reason: 'StorageClassChangeNotSupported',
      field: 'spec.storage.storageClass',
      message: `the volumes were made in ${was}, and cannot move to another; ${back}`,
    });
    value = { ...value, storageClass: there.storageClassName };
  }
  return { value, refusals };
}

/** @param live  the StatefulSet that there is */
export function acceptZooKeeper(asked: ZooKeeper, live: StatefulSet | undefined): Accepted<ZooKeeper> {
  const findings = zooKeeperFindings(asked);
  const storage = acceptedStorage(asked.spec.storage, live);
  const refusals = [...findings.refusals, ...storage.refusals];
  if (refusals.length > 0 && live === undefined) return { effective: undefined, refusals, warnings: findings.warnings };
  const unsupported = findings.refusals.some(({ reason }) => reason === 'ReplicasNotSupported');
  const before = Number(live?.metadata.annotations?.[annotations.replicas] ?? live?.spec?.replicas ?? 1);
  const spec: ZooKeeper['spec'] = {
    ...asked.spec,
    replicas: unsupported ? before : asked.spec.replicas,
    storage: storage.value,
    config: acceptedConfig(asked.spec.config, refusals, live),
  };
  return { effective: { ...asked, spec }, refusals, warnings: findings.warnings };
}

/** @param live  the StatefulSet that there is */
export function acceptKafkaCluster(asked: KafkaCluster, live: StatefulSet | undefined): Accepted<KafkaCluster> {
  const findings = kafkaClusterFindings(asked);
  const replicas = acceptedReplicas(asked.spec.replicas, live);
  const storage = acceptedStorage(asked.spec.storage, live);
  const refusals: Refusal[] = [
    ...findings.refusals,
    ...(replicas.refusal === undefined ? [] : [replicas.refusal]),
    ...storage.refusals,
  ];
  const engine = live?.metadata.annotations?.[annotations.engine] as KafkaCluster['spec']['engine'] | undefined;
  if (engine !== undefined && engine !== asked.spec.engine) {
    refusals.push({
      reason: 'EngineChangeNotSupported',
      field: 'spec.engine',
      message: `the brokers run on ${engine}, and moving to ${asked.spec.engine} is not supported yet; set it back to ${engine}`,
    });
  }
  const coordination = live?.metadata.annotations?.[annotations.coordination];
  const moved = coordination !== undefined && coordination !== stableText(asked.spec.coordination);
  if (moved) {
    refusals.push({
      reason: 'CoordinationChangeNotSupported',
      field: 'spec.coordination',
      message: `the cluster's metadata is in ${coordination}, and would stay behind; set it back to that`,
    });
  }
  if (refusals.length > 0 && live === undefined) return { effective: undefined, refusals, warnings: findings.warnings };
  const tooLong = refusals.some(({ reason }) => reason === 'NameTooLong');
  const spec: KafkaCluster['spec'] = {
    ...asked.spec,
    engine: engine ?? asked.spec.engine,
    coordination: moved ? (JSON.parse(coordination) as KafkaCluster['spec']['coordination']) : asked.spec.coordination,
    external: asked.spec.external && !tooLong,
    replicas: replicas.value,
    storage: storage.value,
    config: acceptedConfig(asked.spec.config, refusals, live),
  };
  return { effective: { ...asked, spec }, refusals, warnings: findings.warnings };
}

/** A config with a refused key is refused as a whole: half a change is a change that nobody asked for. */
function acceptedConfig(asked: Config, refusals: readonly Refusal[], live: StatefulSet | undefined): Config {
  if (!refusals.some(({ field }) => field.startsWith('spec.config['))) return asked;
  const before = live?.metadata.annotations?.[annotations.config];
  return before === undefined ? {} : (JSON.parse(before) as Config);
}
