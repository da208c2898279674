/**
 * What can be asked for today, one constant a limit: refusals, defaults and messages all come from here, so that
 * raising a limit is one change.
 */
import type { Engine } from './kafka-cluster.ts';

/** Servers of an embedded ensemble. */
export const supportedZooKeeperReplicas: readonly number[] = [1, 3, 5];

/** The highest replication factor an engine's brokers keep; undefined: as many as there are brokers. */
export const supportedReplicationFactor: Readonly<Record<Engine, number | undefined>> = {
  embedded: 1,
  apache: undefined,
};
