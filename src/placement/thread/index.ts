/**
 * Runs a plan in a worker thread, so that the caller's event loop stays free while a large cluster is searched. The
 * one part of `placement/` that is not pure: it owns a thread for the time of one plan, and ends it.
 *
 * From sources the thread runs `body.ts`; in a bundle, where that file does not exist, it runs the program itself with
 * the arguments `plan --in-thread`, which lead to `serveThread`.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Result } from '../../base/index.ts';
import type { Model } from '../model.ts';
import type { Operation, OperationProblem } from '../operations.ts';
import type { PlanOptions } from '../options.ts';
import { type Plan, planOperation } from '../plan.ts';

type Task = { readonly model: Model; readonly operation: Operation; readonly options: PlanOptions };

/** Plans as `planOperation` does, elsewhere. @throws when the thread dies, or with `signal`'s reason */
export async function planInThread(task: Task, signal?: AbortSignal): Promise<Result<Plan, OperationProblem>> {
  signal?.throwIfAborted();
  const isBundled = !import.meta.url.endsWith('.ts');
  const entry = new URL(isBundled ? './main.js' : './body.ts', import.meta.url);
  const worker = new Worker(entry, { argv: ['plan', '--in-thread'], workerData: task });
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the planning thread ended with code ${code} and no plan`)));
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  } finally {
    await worker.terminate();
  }
}

/** Whether this thread was started by `planInThread`. */
export function isPlanThread(): boolean {
  return !isMainThread && parentPort !== null && workerData !== null;
}

/** The thread's work: one task in, one result out. */
export function serveThread(): void {
  const { model, operation, options } = workerData as Task;
  const result = planOperation(model, operation, options);
  // What is large and no longer needed here changes hands without a copy.
  const handed = result.ok ? [result.value.target.buffer, result.value.schedule.rows.buffer] : [];
  parentPort!.postMessage(result, handed as ArrayBuffer[]);
}
