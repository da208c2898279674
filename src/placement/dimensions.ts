/** What is kept even between brokers, each as a share by capacity. The order is that of every load array. */
export const dimensionNames = ['disk', 'in', 'out', 'cpu', 'replicas', 'leaders', 'leaderIn'] as const;
export type DimensionName = (typeof dimensionNames)[number];

export const dimensions = 7;
export const disk = 0;
export const inRate = 1;
export const outRate = 2;
export const cpu = 3;
export const replicaCount = 4;
export const leaderCount = 5;
export const leaderIn = 6;

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
