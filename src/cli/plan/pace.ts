/** Bytes that a limit allowed a broker and that did not come, less those that came beyond it. */
export type Debt = number;

/** A debt is made good within this time. */
const settleSeconds = 6;
/** No debt is remembered beyond what the limit allows in this time: a broker that had to wait must not rush after. */
const mostDebtSeconds = 5;
/** But what came too much is: fetches are whole, and at a low limit one of them is worth seconds. */
const mostCreditSeconds = 15;
/** What is let through stays within these parts of the limit. */
const leastPart = 0.5;
export const mostPart = 1.5;

/** @param bytes  what arrived at (or left) the broker in `seconds` */
export const debtAfter = (debt: Debt, limit: number, bytes: number, seconds: number): Debt =>
  Math.max(-limit * mostCreditSeconds, Math.min(limit * mostDebtSeconds, debt + limit * seconds - bytes));

/**
 * Bytes per second to be let through next, so that the limit is kept on average: Kafka counts whole fetches, of which a
 * log may keep only three quarters, and follows no limit exactly.
 */
export const paceFor = (debt: Debt, limit: number): number =>
  Math.max(limit * leastPart, Math.min(limit * mostPart, limit + debt / settleSeconds));
