import type { ClusterState } from '../state.ts';

/** Writes a cluster as JSON lines: version and brokers, then one topic a line. */
export function* clusterLines({ version, brokers, topics }: ClusterState): Generator<string> {
  yield JSON.stringify({ version, brokers });
  for (const topic of topics) yield JSON.stringify(topic);
}
