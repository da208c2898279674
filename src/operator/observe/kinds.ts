import { apiVersion, type KindNames, kafkaClusterNames, kafkaTopicNames, zooKeeperNames } from '../../api/index.ts';
import { type KubeObject, type ResourceType, resourceType } from '../../kube/index.ts';

/** One of our resources as the API server gives it: the spec is parsed by `api/` before anything is done with it. */
export type RawObject = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

const typeOf = ({ kind, plural }: KindNames): ResourceType<RawObject> =>
  resourceType<RawObject>({ apiVersion, kind, plural, namespaced: true });

export const kafkaClusters = typeOf(kafkaClusterNames);
export const kafkaTopics = typeOf(kafkaTopicNames);
export const zooKeepers = typeOf(zooKeeperNames);
