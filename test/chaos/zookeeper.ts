/** `npm run chaos -- zookeeper [--runs 2] [--seconds 60] [--seed 1] [--record]`: see `zookeeper/campaign.ts`. */
export { run } from './zookeeper/campaign.ts';

export const summary =
  'linearizable writes and synced reads, monotonic sessions, no watch lost or late, no ephemeral outliving its session, under kill -9, pauses and partitions';
