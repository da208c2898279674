/**
 * What a broker sent since the sample before, what it was to send, and what in-sync followers fetched of the same
 * partitions: bytes. The quota counts these too (`KafkaApis.sizeOfThrottledPartitions` asks for the partition alone),
 * though it never holds them back (`ReplicaManager.shouldLeaderThrottle` asks for the replica as well): a rate without
 * them lets no copy through that fetches less than they do.
 */
export type Sent = {
  readonly seconds: number;
  readonly bytes: number;
  readonly meant: number;
  readonly besides: number;
};

/**
 * A quota of Kafka's is a mean over this many seconds at least (`replication.quota.window.num` 11 of
 * `replication.quota.window.size.seconds` 1, and `Rate.windowSize`, which counts no fewer than all but one), so a broker
 * that has sent nothing lately sends all that its rate allows for ten seconds at once.
 */
export const windowSeconds = 10;

/** Of what arrived, as logs keep two thirds of what a fetch brings at least. */
const mostCounted = 1.5;
/** For how long in-sync followers go on as they did in the last sample, as far as is known. */
const besidesSeconds = 1.5;

/** What a fetch may bring of one partition (`replica.fetch.max.bytes`), whatever the throttle. */
export const fetchBytes = 1024 * 1024;

/** @param window  the last first */
export const sentAfter = (window: readonly Sent[], now: Sent): readonly Sent[] =>
  within([now, ...window], windowSeconds);

/**
 * The part of a rate that lets a broker send `pace` bytes per second of copies next: neither a burst after a rest or a
 * rise, nor a stop after a fall. What arrived lately, the quota counted as up to a third more and one fetch, but hardly
 * as more than was meant.
 *
 * @param nextSeconds  for how long what is let through next is to last: most of the time to the next setting, lest it
 *   come in bursts
 */
export function rateFor(window: readonly Sent[], pace: number, nextSeconds: number): number {
  let [arrived, meant] = [0, 0];
  for (const sent of within(window, windowSeconds - nextSeconds)) {
    arrived += sent.bytes;
    meant += sent.meant;
  }
  return (Math.min(mostCounted * arrived + fetchBytes, meant) + pace * nextSeconds) / windowSeconds;
}

/** The part that in-sync followers take, who go on as they did in the last sample. */
export function rateBesides(window: readonly Sent[]): number {
  const [last] = window;
  if (last === undefined) return 0;
  let besides = (last.besides / last.seconds) * besidesSeconds;
  for (const sent of within(window, windowSeconds - besidesSeconds)) besides += sent.besides;
  return besides / windowSeconds;
}

/** The last `most` seconds of it. */
function within(window: readonly Sent[], most: number): Sent[] {
  const kept: Sent[] = [];
  let left = most;
  for (const { seconds, bytes, meant, besides } of window) {
    if (left <= 0) break;
    const part = Math.min(1, left / seconds);
    kept.push({ seconds: seconds * part, bytes: bytes * part, meant: meant * part, besides: besides * part });
    left -= seconds;
  }
  return kept;
}
