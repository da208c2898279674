/** The throttle of a copy is lifted this long before its end: copies are looked at every two seconds. */
const seconds = 3;
/** But of no copy for more than this part of it: small copies would not be throttled at all. */
const mostPart = 0.1;

/**
 * Whether the throttle of one copy is to be lifted, as it is about to end. A follower that has caught up is still
 * throttled until the controller has taken it into the in-sync replicas. A record that comes in between needs this
 * follower already, but does not wake its waiting fetch (`DelayedFetch.tryComplete` counts no bytes that a quota holds
 * back): with acks=all it, and what its producer sends to that leader after it, is answered after
 * `replica.fetch.wait.max.ms`, half a second.
 *
 * @param bytes  of the copy: all of it, and what has arrived
 * @param pace   bytes per second at which it comes
 */
export const isToBeLifted = (bytes: { readonly all: number; readonly arrived: number }, pace: number): boolean =>
  bytes.all - bytes.arrived <= pace * seconds && pace * seconds <= bytes.all * mostPart;
