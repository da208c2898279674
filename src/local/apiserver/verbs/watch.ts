import type { Timer } from '../../../base/index.ts';
import { type Api, type Call, served } from '../api.ts';
import type { KubeObject } from '../object.ts';
import { fieldMatcher, labelMatcher } from '../selectors.ts';
import { expired, fieldError, invalid } from '../status.ts';
import type { StoredEvent } from '../store/store.ts';
import { askedRevision, checkRevision } from './read.ts';

/** A watcher that lets this much wait to be sent is dropped: it lists and watches anew. */
const backlogLimitBytes = 16 * 1024 * 1024;
const bookmarkPeriodMs = 30_000;
/** One more shortly before the end, so that the next watch starts from there. */
const lastBookmarkBeforeEndMs = 2_000;
/** Without a wish of the client a watch ends after half an hour to an hour. */
const shortestTimeoutSeconds = 1800;

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** Where a watch writes; `waitingBytes` is what the client has not taken yet. */
export interface WatchSink {
  send(type: WatchEventType, object: unknown): void;
  readonly waitingBytes: number;
  /** Ends the answer in order. */
  end(): void;
  /** Cuts the connection. */
  drop(): void;
  onClose(call: () => void): void;
}

const isTrue = (value: string | null): boolean => value === 'true' || value === '1';

/**
 * Streams changes from a revision on, after the present state when the client asked for that. Resolves when the
 * watch has started; it runs until its time is over, the client leaves, or the client is too slow.
 */
export async function watch(api: Api, call: Call, open: () => WatchSink): Promise<void> {
  const { resource, query } = call;
  const matchesLabels = labelMatcher(query.get('labelSelector'));
  const matchesFields = fieldMatcher(query.get('fieldSelector'), resource);
  const sendInitial = isTrue(query.get('sendInitialEvents'));
  const bookmarks = isTrue(query.get('allowWatchBookmarks'));
  const match = query.get('resourceVersionMatch');
  if (query.has('sendInitialEvents') && match !== 'NotOlderThan') {
    throw invalid({ group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' }, '', [
      fieldError.forbidden(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
    ]);
  }
  const asked = askedRevision(call);
  checkRevision(api, asked);
  const timeoutSeconds = Number(query.get('timeoutSeconds') ?? 0) || shortestTimeoutSeconds * (1 + Math.random());

  const wanted = (object: KubeObject | undefined): boolean =>
    object !== undefined &&
    (call.namespace === undefined || object.metadata.namespace === call.namespace) &&
    (call.name === undefined || object.metadata.name === call.name) &&
    matchesLabels(object) &&
    matchesFields(served(resource, object));

  // Without a revision, with 0, or when asked to, the present state comes first as ADDED events.
  const startsWithState =
    sendInitial || (asked === undefined || asked === 0 ? query.get('sendInitialEvents') !== 'false' : false);
  const since = startsWithState || asked === undefined || asked === 0 ? api.store.revision : asked;
  const initial = startsWithState ? api.store.list(resource.bucket, call.namespace).filter(wanted) : [];

  const early: StoredEvent[] = [];
  let sink: WatchSink | undefined;
  let lastRevision = since;
  const forward = (event: StoredEvent): void => {
    if (event.revision <= since) return;
    if (sink === undefined) {
      early.push(event);
      return;
    }
    lastRevision = event.revision;
    const is = event.type !== 'DELETED' && wanted(event.object);
    const was = event.previous !== undefined && wanted(event.previous);
    // An object that starts to match is new to this watcher, one that ceases to match is gone for it.
    if (is) sink.send(was ? 'MODIFIED' : 'ADDED', served(resource, event.object));
    else if (was) {
      const last = event.type === 'DELETED' ? event.object : withRevision(event.previous as KubeObject, event.revision);
      sink.send('DELETED', served(resource, last));
    } else return;
    if (sink.waitingBytes > backlogLimitBytes) {
      api.logger.warn({ resource: resource.bucket, client: call.userAgent }, 'a watcher is too slow and is dropped');
      sink.drop();
    }
  };
  const stopListening = api.store.listen(resource.bucket, since, forward);
  if (stopListening === undefined) {
    sink = open();
    sink.send('ERROR', expired(`too old resource version: ${asked} (${api.store.revision})`).status);
    sink.end();
    return;
  }
  try {
    await api.store.durable();
  } catch (cause) {
    stopListening();
    throw cause;
  }
  sink = open();
  const bookmark = (annotations?: Record<string, string>): void =>
    sink?.send('BOOKMARK', {
      kind: resource.kind,
      apiVersion: resource.apiVersion,
      metadata: {
        resourceVersion: String(lastRevision),
        creationTimestamp: null,
        ...(annotations === undefined ? {} : { annotations }),
      },
    });
  for (const object of initial) sink.send('ADDED', served(resource, object));
  if (sendInitial) bookmark({ 'k8s.io/initial-events-end': 'true' });
  for (const event of early) forward(event);

  const timers: Timer[] = [];
  const stop = (): void => {
    stopListening();
    for (const timer of timers) timer.cancel();
  };
  sink.onClose(stop);
  if (bookmarks) {
    const latest = (): void => {
      lastRevision = Math.max(lastRevision, api.store.durableRevision);
      bookmark();
    };
    timers.push(api.clock.every(bookmarkPeriodMs, latest));
    const lastMs = timeoutSeconds * 1000 - lastBookmarkBeforeEndMs;
    if (lastMs > 0) timers.push(api.clock.after(lastMs, latest));
  }
  timers.push(
    api.clock.after(timeoutSeconds * 1000, () => {
      stop();
      sink?.end();
    }),
  );
}

const withRevision = (object: KubeObject, revision: number): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(revision) },
});
