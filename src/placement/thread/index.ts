/**
 * Runs a plan in a worker thread, so that the caller's event loop stays free while a large cluster is searched. The
 * one part of `placement/` that is not pure: it owns a thread for the time of one plan, and ends it.
 *
 * Copying a large model from thread to thread would block the caller for as long as that takes, so its arrays change
 * hands: the model given is empty afterwards, and comes back as the plan's. Names stay where they are.
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
import type { PlanEnd } from '../settle.ts';

type Task = {
  readonly model: Model;
  readonly operation: Operation;
  readonly options: PlanOptions;
  readonly earlier?: PlanEnd | undefined;
};

/**
 * Plans as `planOperation` does, elsewhere. Takes the arrays of the model and of the earlier plan's end: use the
 * plan's model from then on.
 *
 * @throws when the thread dies, or with `signal`'s reason
 */
export async function planInThread(task: Task, signal?: AbortSignal): Promise<Result<Plan, OperationProblem>> {
  signal?.throwIfAborted();
  const isBundled = !import.meta.url.endsWith('.ts');
  const entry = new URL(isBundled ? './main.js' : './body.ts', import.meta.url);
  const { topicNames, nodeNames } = task.model;
  const worker = new Worker(entry, {
    argv: ['plan', '--in-thread'],
    workerData: task,
    transferList: ownBuffers([task.model, task.model.disks, task.earlier]),
  });
  try {
    const result = await new Promise<Result<Plan, OperationProblem>>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the planning thread ended with code ${code} and no plan`)));
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    if (!result.ok) return result;
    const model = { ...result.value.model, topicNames, nodeNames };
    return { ...result, value: { ...result.value, model } };
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
  const { model, operation, options, earlier } = workerData as Task;
  const result = planOperation(model, operation, options, earlier);
  if (!result.ok) {
    parentPort!.postMessage(result);
    return;
  }
  const plan = result.value;
  const nameless = { ...plan, model: { ...plan.model, topicNames: [], nodeNames: [] } };
  parentPort!.postMessage(
    { ...result, value: nameless },
    ownBuffers([plan, plan.model, plan.model.disks, plan.schedule]),
  );
}

/** Buffers of the arrays among the values of objects, each once; what is only a part of a buffer is copied instead. */
function ownBuffers(objects: readonly (object | undefined)[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const value of objects.flatMap((object) => Object.values(object ?? {}))) {
    if (!ArrayBuffer.isView(value) || !(value.buffer instanceof ArrayBuffer)) continue;
    if (value.byteLength === value.buffer.byteLength) buffers.add(value.buffer);
  }
  return [...buffers];
}
