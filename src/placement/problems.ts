/** A goal that a plan could not meet, in words that lead to the way out. */
export type Problem = {
  readonly goal: GoalName;
  /** `hard`: a rule is broken or a replica stays where it must not; `soft`: only evenness suffers. */
  readonly severity: 'hard' | 'soft';
  /** What it is about: `broker 4`, `orders-7`, `zone lucerne`. */
  readonly subject: string;
  readonly reason: string;
  /** The smallest change that would help. */
  readonly remedy: string | undefined;
};

/** Hard and soft goals by the names that people see. */
export const goalNames = {
  H1: 'distinct brokers',
  H2: 'replication factor',
  H3: 'zone spread',
  H4: 'zone loss leaves min.insync.replicas',
  H5: 'replica limit',
  H6: 'disk capacity',
  H7: 'network and CPU capacity',
  H8: 'broker state',
  H9: 'broker sets and pinned topics',
  H10: 'allowed leaders',
  H11: 'in-sync replicas at every step',
  H12: 'budget',
  S1: 'even disk',
  S2: 'even network in',
  S3: 'even network out',
  S4: 'even CPU',
  S5: 'even replicas',
  S6: 'even leaders',
  S7: 'topic spread',
  S8: 'few bytes moved',
  S9: 'few broker pairs',
  S10: 'few bytes between zones',
  S11: 'stability',
  S12: 'leader failover spread',
  S13: 'short execution',
} as const;
export type GoalName = keyof typeof goalNames;
