/** Bytes that a limit allowed a broker and that did not come, less those that came beyond it. */
export type Debt = number;

/** No debt is remembered beyond what the limit allows in this time: a broker that had to wait must not rush after. */
const leastDebtSeconds = 5;
/** Nor beyond this part of the time that it has lasted, if that is more. */
const debtPart = 0.05;
const mostDebtSeconds = 15;
/**
 * But what came too much is: fetches are whole, and at a low limit one of them is worth seconds; and whose fetches come
 * first at a leader that it shares gets too much for minutes (1.08 times the limit was seen, 15 s being remembered).
 */
const mostCreditSeconds = 60;

/**
 * @param bytes   what arrived at (or left) the broker in `seconds`
 * @param lasted  seconds for which there has been something to let through
 */
export function debtAfter(debt: Debt, limit: number, bytes: number, seconds: number, lasted: number): Debt {
  const rememberedSeconds = Math.max(leastDebtSeconds, Math.min(mostDebtSeconds, lasted * debtPart));
  return Math.max(-limit * mostCreditSeconds, Math.min(limit * rememberedSeconds, debt + limit * seconds - bytes));
}
