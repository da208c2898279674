import type { StorageProblem } from './problems.ts';

/** Told when the log has reached an offset (no argument) or never will. */
export type Reached = (problem?: StorageProblem) => void;

/**
 * Who waits until a log's end has passed an offset. Calls are made in the order of arrival; offsets arrive growing but
 * for the rare producer that sends an old batch again, which is told with the batch before it.
 */
export class OffsetWaiters {
  private ends: number[] = [];
  private calls: Reached[] = [];
  private head = 0;

  get count(): number {
    return this.calls.length - this.head;
  }

  add(endOffset: number, call: Reached): void {
    this.ends.push(endOffset);
    this.calls.push(call);
  }

  release(endOffset: number): void {
    while (this.head < this.ends.length && (this.ends[this.head] as number) <= endOffset)
      (this.calls[this.head++] as Reached)();
    this.compact();
  }

  failAll(problem: StorageProblem): void {
    const calls = this.calls.slice(this.head);
    this.ends = [];
    this.calls = [];
    this.head = 0;
    for (const call of calls) call(problem);
  }

  private compact(): void {
    if (this.head < this.ends.length && this.head < 256) return;
    this.ends = this.ends.slice(this.head);
    this.calls = this.calls.slice(this.head);
    this.head = 0;
  }
}
