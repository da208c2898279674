import type { IncomingMessage } from 'node:http';
import type { Clock } from '../base/index.ts';
import type { HttpTransport } from './http-transport.ts';
import type { KubeObject } from './object.ts';
import { type KubeProblem, problemOfAnswer, problemOfError } from './problem.ts';
import { collectionPath, type ResourceType } from './resource-type.ts';
import { type Selection, selectionQuery } from './selection.ts';

/** The longest event: etcd takes 1.5 MiB, the API server's own limit for objects is 3 MiB. */
const eventSizeLimitBytes = 16 * 1024 * 1024;
const headTimeoutMs = 30_000;

export type WatchEvent<Kind> =
  | { readonly kind: 'added' | 'modified' | 'deleted'; readonly object: Kind }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string };

export type WatchOptions<Kind> = Selection & {
  /** Events after this version. */
  readonly resourceVersion: string;
  /** The server ends the watch after so long. */
  readonly timeoutSeconds: number;
  /** Ends the watch as `stalled` if no byte came for so long. */
  readonly stallMs: number;
  readonly onEvent: (event: WatchEvent<Kind>) => void;
};

export type WatchEnd =
  | { readonly kind: 'closed' }
  /** The connection was open and silent: nobody can tell whether events were missed. */
  | { readonly kind: 'stalled' }
  | { readonly kind: 'failed'; readonly problem: KubeProblem };

export interface WatchHandle {
  readonly ended: Promise<WatchEnd>;
  /** No event is delivered after this. */
  close(): void;
}

export function openWatch<Kind extends KubeObject>(
  transport: HttpTransport,
  clock: Clock,
  type: ResourceType<Kind>,
  options: WatchOptions<Kind>,
): WatchHandle {
  const attempt = `watch ${type.plural}`;
  const abort = new AbortController();
  let closedByUs: WatchEnd | undefined;
  const closeAs = (end: WatchEnd): void => {
    closedByUs ??= end;
    abort.abort();
  };
  const run = async (): Promise<WatchEnd> => {
    const query = new URLSearchParams({
      ...selectionQuery(options),
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(options.timeoutSeconds),
    });
    const path = `${collectionPath(type, options.namespace)}?${query}`;
    let answer: IncomingMessage;
    try {
      answer = await transport.stream({ method: 'GET', path, timeoutMs: headTimeoutMs }, abort.signal);
    } catch (error) {
      return closedByUs ?? { kind: 'failed', problem: problemOfError(attempt, error) };
    }
    let stallTimer = clock.after(options.stallMs, () => closeAs({ kind: 'stalled' }));
    const lines = createLineReader(eventSizeLimitBytes);
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        stallTimer.cancel();
        stallTimer = clock.after(options.stallMs, () => closeAs({ kind: 'stalled' }));
        const whole = lines.push(chunk);
        if (whole === undefined) {
          closeAs({ kind: 'failed', problem: { kind: 'unavailable', message: `${attempt}: an event is too long` } });
          break;
        }
        if (answer.statusCode !== 200) continue;
        for (const line of whole) {
          if (closedByUs !== undefined) return closedByUs;
          const event = parseEvent(attempt, type, line);
          if (event.kind === 'failed') {
            closeAs(event);
            return event;
          }
          options.onEvent(event);
        }
      }
    } catch (error) {
      return closedByUs ?? { kind: 'failed', problem: problemOfError(attempt, error) };
    } finally {
      stallTimer.cancel();
    }
    if (closedByUs !== undefined) return closedByUs;
    const status = answer.statusCode ?? 0;
    if (status === 200) return { kind: 'closed' };
    return {
      kind: 'failed',
      problem: problemOfAnswer(attempt, status, lines.everything(), answer.headers['retry-after']),
    };
  };
  return { ended: run(), close: () => closeAs({ kind: 'closed' }) };
}

function parseEvent<Kind extends KubeObject>(
  attempt: string,
  type: ResourceType<Kind>,
  line: string,
): WatchEvent<Kind> | (WatchEnd & { kind: 'failed' }) {
  let event: { readonly type?: unknown; readonly object?: unknown };
  try {
    event = JSON.parse(line) as typeof event;
  } catch {
    return { kind: 'failed', problem: { kind: 'unavailable', message: `${attempt}: an event is not JSON` } };
  }
  const object = event.object as (Kind & { readonly code?: number }) | undefined;
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      if (typeof object?.metadata?.name !== 'string') break;
      const kind = ({ ADDED: 'added', MODIFIED: 'modified', DELETED: 'deleted' } as const)[event.type];
      return { kind, object: { ...object, apiVersion: type.apiVersion, kind: type.kind } };
    }
    case 'BOOKMARK':
      return { kind: 'bookmark', resourceVersion: object?.metadata?.resourceVersion ?? '' };
    case 'ERROR':
      return { kind: 'failed', problem: problemOfAnswer(attempt, object?.code ?? 500, JSON.stringify(object ?? {})) };
  }
  return { kind: 'failed', problem: { kind: 'unavailable', message: `${attempt}: an event of an unknown kind` } };
}

/** Cuts a byte stream into lines, never holding more than `limitBytes` of an unfinished one. */
export function createLineReader(limitBytes: number): {
  /** The lines that are whole now, without empty ones; undefined once a line is too long. */
  push(chunk: Buffer): string[] | undefined;
  /** The text since the last whole line, or all of it if there was none. */
  everything(): string;
} {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  return {
    push(chunk) {
      const lines: string[] = [];
      let from = 0;
      for (let end = chunk.indexOf(10, from); end >= 0; end = chunk.indexOf(10, from)) {
        const tail = chunk.subarray(from, end);
        const line = pending.length === 0 ? tail : Buffer.concat([...pending, tail]);
        pending = [];
        pendingBytes = 0;
        from = end + 1;
        if (line.length > 0) lines.push(line.toString('utf8'));
      }
      if (from < chunk.length) {
        pending.push(chunk.subarray(from));
        pendingBytes += chunk.length - from;
      }
      return pendingBytes > limitBytes ? undefined : lines;
    },
    everything: () => Buffer.concat(pending).toString('utf8'),
  };
}
