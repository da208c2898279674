/** How much a broker received or sent so far, beside what its limit allowed. */
export type Pace = {
  /** Bytes that the limit allowed and that did not come, less those that came beyond it. */
  readonly debtBytes: number;
  /** Bytes per second to be set on the broker. */
  readonly rate: number;
};

/** A debt is made good within this time. */
const settleSeconds = 6;
/** No debt is remembered beyond what the limit allows in this time: a broker that had to wait must not rush after. */
const mostDebtSeconds = 5;
/** But what came too much is: after a pause Kafka lets a whole window's worth through at once. */
const mostCreditSeconds = 15;
/** What is set stays within these parts of the limit. */
const leastPart = 0.5;
const mostPart = 1.35;
/** A change smaller than this part of what is set is not worth a request. */
const leastChange = 0.03;

export const freshPace = (limit: number): Pace => ({ debtBytes: 0, rate: limit });

/**
 * Kafka measures a throttled broker over eleven seconds, in whole fetches of up to a mebibyte a partition, and counts
 * what it had to throw away: what arrives is up to a third less than the limit, or more where the fetches are large
 * beside it. So the rate that is set follows what arrived, and the limit is kept on average.
 *
 * @param bytes    what arrived at (or left) the broker in `seconds`
 * @returns        the same `rate` when a change would be too small to matter
 */
export function paced({ debtBytes, rate }: Pace, limit: number, bytes: number, seconds: number): Pace {
  const debt = Math.max(
    -limit * mostCreditSeconds,
    Math.min(limit * mostDebtSeconds, debtBytes + limit * seconds - bytes),
  );
  const wanted = Math.max(limit * leastPart, Math.min(limit * mostPart, limit + debt / settleSeconds));
  const isWorth = Math.abs(wanted - rate) > leastChange * rate;
  return { debtBytes: debt, rate: isWorth ? Math.round(wanted) : rate };
}
