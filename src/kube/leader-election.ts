import type { Clock, Logger, Random, Timer } from '../base/index.ts';
import type { KubeClient } from './client.ts';
import { type Lease, microTimeText, type ObjectKey } from './object.ts';
import { leases } from './resource-type.ts';

export type LeaderElectionOptions = {
  readonly lease: ObjectKey;
  /** Different in every process, e.g. pod name and a random part. */
  readonly identity: string;
  /** Others take the lease after seeing no renewal for so long. */
  readonly leaseMs?: number;
  /** We stop acting if we could not renew for so long; below `leaseMs`, so that two never act at once. */
  readonly renewDeadlineMs?: number;
  readonly retryMs?: number;
  /** Called each time the lease is ours. The signal is aborted before anyone else can hold it. */
  readonly onLeading: (signal: AbortSignal) => void;
};

export interface LeaderElection {
  readonly isLeading: boolean;
  /** Gives the lease back, so that another need not wait for it to run out. */
  stop(): Promise<void>;
}

/**
 * Takes part in the election by a Lease, for ever: follower, leader, follower again.
 *
 * Another's lease counts as run out when its renewal did not change for `leaseMs` on *our* monotonic clock, so clocks
 * that differ do no harm. Source: client-go's leaderelection package, same rules.
 */
export function startLeaderElection(
  options: LeaderElectionOptions,
  { client, clock, random, logger }: { client: KubeClient; clock: Clock; random: Random; logger: Logger },
): LeaderElection {
  const leaseMs = options.leaseMs ?? 15_000;
  const renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
  const retryMs = options.retryMs ?? 2_000;
  const stopping = new AbortController();
  let leading: AbortController | undefined;
  let deadline: Timer | undefined;
  let seen: { readonly text: string; readonly atMs: number } | undefined;
  let lastLease: Lease | undefined;

  function stopLeading(sentence: string): void {
    if (leading === undefined) return;
    logger.warn({ lease: options.lease, identity: options.identity }, sentence);
    deadline?.cancel();
    leading.abort(new Error(sentence));
    leading = undefined;
  }

  function renewed(askedAtMs: number): void {
    deadline?.cancel();
    // The deadline counts from when we asked: the renewal may have been stored right then.
    const leftMs = renewDeadlineMs - (clock.monotonicMs() - askedAtMs);
    deadline = clock.after(Math.max(0, leftMs), () => stopLeading('the lease could not be renewed in time'));
    if (leading === undefined) {
      logger.info({ lease: options.lease, identity: options.identity }, 'the lease is ours');
      leading = new AbortController();
      options.onLeading(leading.signal);
    }
  }

  function wanted(current: Lease | undefined): Lease {
    const now = microTimeText(clock.nowMs());
    const ours = current?.spec?.holderIdentity === options.identity;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: current?.metadata ?? { name: options.lease.name, namespace: options.lease.namespace },
      spec: {
        holderIdentity: options.identity,
        leaseDurationSeconds: Math.ceil(leaseMs / 1000),
        acquireTime: ours ? current?.spec?.acquireTime : now,
        renewTime: now,
        leaseTransitions: (current?.spec?.leaseTransitions ?? 0) + (ours || current === undefined ? 0 : 1),
      },
    };
  }

  async function tryOnce(): Promise<void> {
    const askedAtMs = clock.monotonicMs();
    const found = await client.get(leases, options.lease);
    if (!found.ok && found.problem.kind !== 'notFound') {
      logger.warn({ problem: found.problem }, 'cannot read the lease');
      return;
    }
    const current = found.ok ? found.value : undefined;
    const holder = current?.spec?.holderIdentity ?? '';
    if (holder !== '' && holder !== options.identity) {
      if (leading !== undefined) stopLeading('another process holds the lease');
      const text = `${holder} ${current?.spec?.renewTime} ${current?.metadata.resourceVersion}`;
      if (seen?.text !== text) seen = { text, atMs: askedAtMs };
      const theirLeaseMs = (current?.spec?.leaseDurationSeconds ?? leaseMs / 1000) * 1000;
      if (askedAtMs - seen.atMs < theirLeaseMs) return;
    }
    const lease = wanted(current);
    const answer = current === undefined ? await client.create(leases, lease) : await client.replace(leases, lease);
    if (stopping.signal.aborted) {
      if (answer.ok) lastLease = answer.value;
      return;
    }
    if (answer.ok) {
      lastLease = answer.value;
      renewed(askedAtMs);
    } else if (answer.problem.kind !== 'conflict' && answer.problem.kind !== 'alreadyExists') {
      logger.warn({ problem: answer.problem }, 'cannot write the lease');
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await tryOnce();
      if (stopping.signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = clock.after(retryMs * (1 + random.next() * 0.2), resolve);
        const wake = (): void => {
          timer.cancel();
          resolve();
        };
        stopping.signal.addEventListener('abort', wake, { once: true });
      });
    }
  }
  const running = run();

  return {
    get isLeading() {
      return leading !== undefined;
    },
    async stop() {
      stopping.abort();
      const wasLeading = leading !== undefined;
      deadline?.cancel();
      leading?.abort(new Error('stopping'));
      leading = undefined;
      await running;
      if (wasLeading && lastLease !== undefined) {
        await client.replace(leases, {
          ...lastLease,
          spec: { ...lastLease.spec, holderIdentity: '', leaseDurationSeconds: 1 },
        });
      }
    },
  };
}
