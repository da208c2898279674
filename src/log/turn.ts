/** Something that gathered work during a turn of the event loop. */
export type TurnTask = { runAtTurnEnd(): void };

/**
 * Runs each task that asked for it once, when the current turn of the event loop has handled its sockets. So the
 * batches of all requests that arrived together go to disk in one write per partition.
 */
export class TurnEnd {
  private readonly defer: (call: () => void) => void;
  private tasks: TurnTask[] = [];

  /** @param defer  calls back at the end of the turn; `setImmediate` in a real process */
  constructor(defer: (call: () => void) => void = setImmediate) {
    this.defer = defer;
  }

  /** A task asks once a turn; it keeps that in mind itself. */
  add(task: TurnTask): void {
    this.tasks.push(task);
    if (this.tasks.length === 1) {
      this.defer(() => {
        const tasks = this.tasks;
        this.tasks = [];
        for (const each of tasks) each.runAtTurnEnd();
      });
    }
  }
}
