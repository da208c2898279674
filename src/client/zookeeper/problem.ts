import type { ErrorName } from '../../protocol/zookeeper/index.ts';
import { errorNameOf } from '../../protocol/zookeeper/index.ts';

/**
 * Why a request has no answer of the good kind: a server's error by its name, or one of the client's own.
 * `connectionLoss` means that the request was sent and its answer is unknown: a write may or may not have happened.
 */
export type ZooKeeperProblem = {
  readonly kind: ErrorName | 'clientClosed' | 'tooManyPending' | 'requestTooLarge' | 'badAnswer';
  readonly path: string | undefined;
  readonly sentence: string;
};

/** Problems after which the same request may succeed on the next connection, without knowing whether it has happened. */
export const isRetriable = (problem: ZooKeeperProblem): boolean =>
  problem.kind === 'connectionLoss' || problem.kind === 'throttledOp' || problem.kind === 'requestTimeout';

export function serverProblem(code: number, op: string, path: string | undefined): ZooKeeperProblem {
  const kind = errorNameOf(code);
  return {
    kind,
    path,
    sentence: `${op}${path === undefined ? '' : ` ${path}`}: the server answered ${kind} (${code})`,
  };
}

export function clientProblem(kind: ZooKeeperProblem['kind'], sentence: string, path?: string): ZooKeeperProblem {
  return { kind, path, sentence };
}
