/**
 * Numbers that the loops over loads and replicas use: the place of each dimension in a load array, how many there are,
 * the broker index that means no broker, and when a step is one.
 *
 * Files with hot loops unpack what they need (`const { disk, nobody } = constants`): V8 folds a module's own constants
 * into the code it compiles, and looks an imported one up at each use, which doubles the time of such a loop.
 */
export const constants = {
  disk: 0,
  inRate: 1,
  outRate: 2,
  cpu: 3,
  replicaCount: 4,
  leaderCount: 5,
  leaderIn: 6,
  dimensions: 7,
  nobody: -1,
  /** A step must lower the potential by this much: below it, rounding decides. */
  leastDrop: 1e-9,
} as const;
