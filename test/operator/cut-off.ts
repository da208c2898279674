import type { KubeClient, ResourceType } from '../../src/kube/index.ts';

const writing = new Set(['create', 'replace', 'serverSideApply', 'applyStatus', 'mergePatch', 'patchStatus', 'delete']);

/**
 * A client that is cut off at its write number `lastWrite`: that one still reaches the server, and nobody hears the
 * answer, as when a process is killed right then.
 */
export function cutOffAt(
  client: KubeClient,
  lastWrite: number,
): { client: KubeClient; isCut: () => boolean; writes: () => number } {
  let writes = 0;
  const never = new Promise<never>(() => {});
  const cut = new Proxy(client, {
    get(target, name, receiver) {
      const method = Reflect.get(target, name, receiver) as (...args: unknown[]) => unknown;
      if (typeof name !== 'string' || !writing.has(name)) return method;
      return async (...args: unknown[]) => {
        // Events are hints, written in the background in no fixed order.
        if ((args[0] as ResourceType | undefined)?.plural === 'events') return method.apply(target, args);
        if (writes >= lastWrite) return never;
        writes++;
        const answer = await method.apply(target, args);
        return writes >= lastWrite ? never : answer;
      };
    },
  });
  return { client: cut, isCut: () => writes >= lastWrite, writes: () => writes };
}
