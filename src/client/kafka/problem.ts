import { type ErrorName, errorCode, errorName } from '../../protocol/kafka/index.ts';

/** Why a call has no answer. */
export type CallProblem = {
  readonly kind: /** No connection could be made, or it ended before the answer. */
    | 'disconnected'
    /** The connection is closed then, because later answers cannot be told from late ones. */
    | 'timedOut'
    /** The other side has no version of this request that we have. */
    | 'unsupportedVersion'
    /** The answer is not what its schema says. */
    | 'malformed'
    /** More calls wait on this connection than it may hold. */
    | 'busy'
    /** Metadata has no such broker, leader, controller or coordinator yet. */
    | 'unknownTarget'
    /** The broker answered with an error code for the whole request. */
    | 'refused';
  /** For a person: what failed, where, why. */
  readonly sentence: string;
  /** With `refused`. */
  readonly code?: number;
};

/** An answer's error code as a problem; undefined for 0. */
export function refusal(what: string, code: number, message: string | null = null): CallProblem | undefined {
  if (code === errorCode.NONE) return undefined;
  const detail = message === null || message === '' ? '' : `: ${message}`;
  return { kind: 'refused', sentence: `${what}: ${errorName(code)}${detail}`, code };
}

export const isRefusal = (problem: CallProblem, name: ErrorName): boolean =>
  problem.kind === 'refused' && problem.code === errorCode[name];
