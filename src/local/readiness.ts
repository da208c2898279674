import type { Clock, Logger, Random } from '../base/index.ts';
import { createInformer, type Informer, type KubeClient, type KubeObject, keyText } from '../kube/index.ts';
import type { AppliedObject } from './manifests.ts';

type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
};
type WithStatus = KubeObject & {
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
};

export type Progress =
  | { readonly kind: 'waiting'; readonly object: string; readonly what: string; readonly forMs: number }
  | { readonly kind: 'ready'; readonly object: string; readonly afterMs: number };

/** What an object says about itself: undefined when it is Ready for its present generation, else what it waits for. */
export function waitReason(object: WithStatus | undefined): string | undefined {
  if (object === undefined) return 'not there yet';
  const ready = object.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined) return 'the operator has not looked at it yet';
  const seen = ready.observedGeneration ?? object.status?.observedGeneration;
  const isCurrent =
    seen === undefined || object.metadata.generation === undefined || seen >= object.metadata.generation;
  if (!isCurrent) return 'the operator has not looked at its last change yet';
  if (ready.status === 'True') return undefined;
  const progressing = object.status?.conditions?.find(
    ({ type, message }) => type === 'Progressing' && message !== undefined,
  );
  const said = ready.message || progressing?.message || '';
  return [ready.reason ?? ready.status, said].filter((part) => part !== '').join(': ');
}

/** News is another reason; the same reason with other numbers is told by the next reminder. */
const reasonOf = (what: string | undefined): string | undefined => what?.split(':', 1)[0];

/**
 * Follows objects until all are Ready, telling each change of what is waited for. Resolves when they are, or when the
 * signal is aborted.
 *
 * @param options.alsoNeeded  what must hold besides an object's own word, which may be left from an earlier run, e.g. that
 *                            its pods run; a sentence while it does not
 */
export async function waitUntilReady(
  objects: readonly AppliedObject[],
  options: {
    readonly onProgress: (progress: Progress) => void;
    readonly alsoNeeded: (object: AppliedObject) => string | undefined;
    /** A reminder of what is still waited for comes this often. */
    readonly remindMs: number;
    readonly signal: AbortSignal;
  },
  { client, clock, random, logger }: { client: KubeClient; clock: Clock; random: Random; logger: Logger },
): Promise<void> {
  const startedMs = clock.monotonicMs();
  const informers = new Map<string, Informer<KubeObject>>();
  const states = new Map<string, { what: string | undefined; sinceMs: number; saidMs: number }>();
  for (const { type } of objects) {
    if (!informers.has(type.plural))
      informers.set(type.plural, createInformer(type, {}, { client, clock, random, logger }));
  }
  await new Promise<void>((resolve) => {
    const look = (): void => {
      const nowMs = clock.monotonicMs();
      let allReady = true;
      if (![...informers.values()].every(({ isSynced }) => isSynced)) return;
      for (const object of objects) {
        const { type, key } = object;
        const name = `${type.kind}/${key.name}`;
        const stored = informers.get(type.plural)?.get(keyText(key)) as WithStatus | undefined;
        const what = waitReason(stored) ?? options.alsoNeeded(object);
        if (what !== undefined) allReady = false;
        const before = states.get(name);
        if (before !== undefined && reasonOf(before.what) === reasonOf(what)) {
          before.what = what;
          if (what !== undefined && nowMs - before.saidMs >= options.remindMs) {
            before.saidMs = nowMs;
            options.onProgress({ kind: 'waiting', object: name, what, forMs: nowMs - before.sinceMs });
          }
          continue;
        }
        const sinceMs = before?.what === undefined ? nowMs : before.sinceMs;
        states.set(name, { what, sinceMs, saidMs: nowMs });
        if (what === undefined) options.onProgress({ kind: 'ready', object: name, afterMs: nowMs - startedMs });
        else options.onProgress({ kind: 'waiting', object: name, what, forMs: nowMs - sinceMs });
      }
      if (allReady) end();
    };
    const timer = clock.every(100, look);
    const end = (): void => {
      timer.cancel();
      resolve();
    };
    options.signal.addEventListener('abort', end, { once: true });
    for (const informer of informers.values()) {
      informer.onChange(look);
      informer.start();
    }
    look();
  });
  await Promise.all([...informers.values()].map((informer) => informer.stop()));
}
