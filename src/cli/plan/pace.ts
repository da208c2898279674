/** Bytes that a limit allowed a broker and that did not come, less those that came beyond it. */
export type Debt = number;

/** A debt is made good within this time at first, */
const leastSettleSeconds = 6;
/** and later within this part of the time that it has lasted: it matters less then, and every new rate costs producers. */
const settlePart = 0.1;
const mostSettleSeconds = 30;
/** No debt is remembered beyond what the limit allows in this time: a broker that had to wait must not rush after. */
const leastDebtSeconds = 5;
/** Nor beyond this part of the time to make it good, if that is more: where logs keep three quarters, a third of it stays. */
const debtPart = 0.5;
/** But what came too much is: fetches are whole, and at a low limit one of them is worth seconds. */
const mostCreditSeconds = 15;
/** What is let through stays within these parts of the limit. */
const leastPart = 0.5;
export const mostPart = 1.5;

/** @param lasted  seconds for which there has been something to let through */
const settleSecondsAt = (lasted: number): number =>
  Math.max(leastSettleSeconds, Math.min(mostSettleSeconds, lasted * settlePart));

/**
 * @param bytes   what arrived at (or left) the broker in `seconds`
 * @param lasted  seconds for which there has been something to let through
 */
export function debtAfter(debt: Debt, limit: number, bytes: number, seconds: number, lasted: number): Debt {
  const mostDebtSeconds = Math.max(leastDebtSeconds, settleSecondsAt(lasted) * debtPart);
  return Math.max(-limit * mostCreditSeconds, Math.min(limit * mostDebtSeconds, debt + limit * seconds - bytes));
}

/**
 * Bytes per second to be let through next, so that the limit is kept on average: Kafka counts whole fetches, of which a
 * log may keep only three quarters, and follows no limit exactly.
 */
export const paceFor = (debt: Debt, limit: number, lasted: number): number =>
  Math.max(limit * leastPart, Math.min(limit * mostPart, limit + debt / settleSecondsAt(lasted)));
