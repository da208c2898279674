/** What is taken for granted at first counts as if it had been seen for this time. */
const grantedSeconds = 10;
const memorySeconds = 60;
const least = 0.6;
const most = 1.35;

/**
 * What of its rate a source sends: less where logs keep only a part of what a fetch brings (fetches end in the middle of
 * a batch, quotas count all of it), more where one fetch is much of what a window allows.
 */
export class Yield {
  private sent: number;
  private allowed: number;

  /**
   * @param limit    bytes per second
   * @param granted  before anything is known
   */
  constructor(limit: number, granted: number) {
    this.allowed = limit * grantedSeconds;
    this.sent = this.allowed * granted;
  }

  get part(): number {
    return Math.max(least, Math.min(most, this.sent / this.allowed));
  }

  /** @param allowed  bytes that the rate let through in as many seconds; a quota's window and longer */
  learn(sent: number, allowed: number, seconds: number): void {
    const keep = Math.exp(-seconds / memorySeconds);
    this.sent = this.sent * keep + sent;
    this.allowed = this.allowed * keep + allowed;
  }
}
