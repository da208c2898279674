import type { CopyBytes } from './arrivals.ts';
import { sampleMs } from './pacer.ts';

/** The throttle of a copy is lifted this long before its end: copies that end soon are looked at every two seconds. */
const seconds = 3;
/** But for no more than this part of it: small copies would not be throttled at all. */
const mostPart = 0.1;

/**
 * Whether the throttle of one copy is to be lifted, as it is about to end. A follower that has once caught up is waited
 * for with acks=all, in the in-sync replicas or not (`Partition.maybeIncrementLeaderHW` asks `isCaughtUp`), and held
 * back by the throttle until the controller has taken it into them: a record that comes in between, and what its
 * producer sends to that leader after it, is answered when the quota has room again (three seconds were seen). And
 * though it has, the record does not wake the follower's waiting fetch (`DelayedFetch.tryComplete` counts no bytes that
 * a quota holds back) before `replica.fetch.wait.max.ms`, half a second.
 *
 * @param pace   bytes per second at which it comes
 */
export const isToBeLifted = (bytes: CopyBytes, pace: number): boolean =>
  bytes.all > 0 && throttledBytes(bytes, pace) <= 0;

/**
 * How many bytes of a copy will not be throttled: as many as come, on average, between the last look and its end. A pacer
 * that counts them when the copy begins keeps its limit over the whole of it.
 *
 * @param all   bytes of the copy
 * @param pace  bytes per second at which it comes
 */
export const liftedBytes = (all: number, pace: number): number =>
  Math.min(pace * (seconds - sampleMs / 2000), all * mostPart);

/** Seconds until the throttle of a copy is to be lifted. @param pace  bytes per second at which it comes */
export const liftedInSeconds = (bytes: CopyBytes, pace: number): number => throttledBytes(bytes, pace) / pace;

/** What is still to come before the throttle of a copy is lifted; negative afterwards. */
const throttledBytes = ({ all, arrived }: CopyBytes, pace: number): number =>
  all - arrived - Math.min(pace * seconds, all * mostPart);
