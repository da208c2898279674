import { constants } from './constants.ts';

/** What is kept even between brokers, each as a share by capacity. The order is that of every load array. */
export const dimensionNames = ['disk', 'in', 'out', 'cpu', 'replicas', 'leaders', 'leaderIn'] as const;
export type DimensionName = (typeof dimensionNames)[number];

export const { dimensions } = constants;

/** Unit of each dimension, for people. */
export const dimensionUnits: Readonly<Record<DimensionName, 'bytes' | 'bytes/s' | 'cores' | 'count'>> = {
  disk: 'bytes',
  in: 'bytes/s',
  out: 'bytes/s',
  cpu: 'cores',
  replicas: 'count',
  leaders: 'count',
  leaderIn: 'bytes/s',
};
