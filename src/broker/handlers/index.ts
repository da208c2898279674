import { apis } from '../../protocol/kafka/index.ts';
import { type ServedApi, served } from '../request/api-table.ts';
import { alterConfigs } from './alter-configs.ts';
import { apiVersions } from './api-versions.ts';
import { controlledShutdown, leaderAndIsr, stopReplica, updateMetadata } from './controller-requests.ts';
import { createPartitions } from './create-partitions.ts';
import { createTopics } from './create-topics.ts';
import { deleteRecords } from './delete-records.ts';
import { deleteTopics } from './delete-topics.ts';
import { describeCluster } from './describe-cluster.ts';
import { describeConfigs } from './describe-configs.ts';
import { describeLogDirs } from './describe-log-dirs.ts';
import { describeTopicPartitions } from './describe-topic-partitions.ts';
import { fetch } from './fetch.ts';
import { findCoordinator } from './find-coordinator.ts';
import {
  deleteGroups,
  describeGroups,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  offsetCommit,
  offsetDelete,
  offsetFetch,
  syncGroup,
} from './groups.ts';
import { incrementalAlterConfigs } from './incremental-alter-configs.ts';
import { initProducerId } from './init-producer-id.ts';
import { listOffsets } from './list-offsets.ts';
import { metadata } from './metadata.ts';
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts';
import { produce } from './produce.ts';
import type { Services } from './services.ts';

export type { Services } from './services.ts';
export { offsetsTopic } from './services.ts';

/**
 * Everything that this broker serves, and so everything that ApiVersions says. Low versions are served too: older clients
 * look for exact ones before they use a feature at all.
 */
export function servedApis(services: Services): ReadonlyMap<number, ServedApi> {
  const table = new Map<number, ServedApi>();
  const all: readonly ServedApi[] = [
    served(apis.produce, (request, context) => produce(services, request, context)),
    served(apis.fetch, (request, context) => fetch(services, request, context), {
      versions: { min: 4, max: apis.fetch.versions.max },
      isSerial: true,
    }),
    served(apis.listOffsets, (request, context) => listOffsets(services, request, context)),
    served(apis.metadata, (request, context) => metadata(services, request, context)),
    served(apis.leaderAndIsr, (request) => leaderAndIsr(services, request), { versions: { min: 5, max: 7 } }),
    served(apis.stopReplica, (request) => stopReplica(services, request), { versions: { min: 3, max: 4 } }),
    served(apis.updateMetadata, (request) => updateMetadata(services, request), { versions: { min: 7, max: 8 } }),
    served(apis.controlledShutdown, (request) => controlledShutdown(services, request)),
    served(apis.offsetCommit, (request, context) => offsetCommit(services, request, context)),
    served(apis.offsetFetch, (request, context) => offsetFetch(services, request, context)),
    served(apis.findCoordinator, (request, context) => findCoordinator(services, request, context)),
    served(apis.joinGroup, (request, context) => joinGroup(services, request, context)),
    served(apis.heartbeat, (request, context) => heartbeat(services, request, context)),
    served(apis.leaveGroup, (request, context) => leaveGroup(services, request, context)),
    served(apis.syncGroup, (request, context) => syncGroup(services, request, context)),
    served(apis.describeGroups, (request) => describeGroups(services, request)),
    served(apis.listGroups, (request) => listGroups(services, request)),
    served(apis.apiVersions, (request, context) => apiVersions(table, request, context)),
    served(apis.createTopics, (request) => createTopics(services, request)),
    served(apis.deleteTopics, (request) => deleteTopics(services, request)),
    served(apis.deleteRecords, (request) => deleteRecords(services, request)),
    served(apis.initProducerId, (request) => initProducerId(services, request)),
    served(apis.offsetForLeaderEpoch, (request) => offsetForLeaderEpoch(services, request)),
    served(apis.describeConfigs, (request) => describeConfigs(services, request)),
    served(apis.alterConfigs, (request) => alterConfigs(services, request)),
    served(apis.describeLogDirs, (request) => describeLogDirs(services, request)),
    served(apis.createPartitions, (request) => createPartitions(services, request)),
    served(apis.deleteGroups, (request, context) => deleteGroups(services, request, context)),
    served(apis.incrementalAlterConfigs, (request) => incrementalAlterConfigs(services, request)),
    served(apis.offsetDelete, (request, context) => offsetDelete(services, request, context)),
    served(apis.describeCluster, (request, context) => describeCluster(services, request, context)),
    served(apis.describeTopicPartitions, (request, context) => describeTopicPartitions(services, request, context)),
  ];
  for (const each of all) table.set(each.api.key, each);
  return table;
}
