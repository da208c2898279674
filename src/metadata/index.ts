/**
 * The cluster as a broker sees it: brokers, topics, who leads what. An image is immutable; a delta makes the next one;
 * publishers are told of both. In ZooKeeper mode the deltas come from UpdateMetadata requests of the elected controller.
 *
 * Not here: how metadata is agreed on, topics' settings, sockets, files.
 *
 * Invariants: an image is complete and consistent by itself; a topic's partitions are contiguous from 0 once all have been
 * heard of (a hole is `undefined` until then).
 */
export {
  applyDelta,
  type BrokerNode,
  type ClusterImage,
  type Endpoint,
  emptyImage,
  type MetadataDelta,
  type PartitionChange,
  type PartitionState,
  type TopicImage,
} from './cluster-image.ts';
export { type MetadataListener, MetadataStore } from './metadata-store.ts';
