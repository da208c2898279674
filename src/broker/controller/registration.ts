import { type Clock, failure, type Logger, type Result, success } from '../../base/index.ts';
import type { Coordination } from './coordination.ts';
import { type BrokerRegistration, brokerData, parseBroker, paths } from './znodes.ts';

const pollMs = 500;

/**
 * Registers the broker at `/brokers/ids/N` for as long as its session lives.
 *
 * A node that is there already belongs to an earlier session of this broker, or to another broker with the same id. If
 * it says the same addresses as we do, it is what a killed process of ours left behind (nobody else can listen there):
 * it is replaced at once. Otherwise we wait for its session to end, as Apache's broker does.
 *
 * @returns the broker epoch: the czxid of the node
 */
export async function register(
  coordination: Coordination,
  registration: BrokerRegistration,
  { clock, logger, waitMs }: { readonly clock: Clock; readonly logger: Logger; readonly waitMs: number },
): Promise<Result<number, string>> {
  const path = paths.brokerId(registration.id);
  const startedMs = clock.monotonicMs();
  for (;;) {
    const client = coordination.client;
    const data = brokerData(registration, clock.nowMs());
    const existing = await coordination.retried(() => client.getData(path));
    const replaced: { op: 'delete'; path: string; version: number }[] = [];
    if (existing.ok) {
      const { stat } = existing.value;
      if (stat.ephemeralOwner === client.sessionId) return success(Number(stat.czxid));
      const theirs = parseBroker(registration.id, existing.value.data);
      if (theirs !== undefined && sameAddresses(theirs, registration))
        replaced.push({ op: 'delete', path, version: stat.version });
      else if (clock.monotonicMs() - startedMs > waitMs) {
        const where = theirs?.endpoints.map(({ host, port }) => `${host}:${port}`).join(', ') ?? 'an unknown address';
        return failure(
          `broker ${registration.id} is registered in ZooKeeper already, at ${where}: give this one another broker.id, or stop that one`,
        );
      } else {
        logger.warn({ path }, 'waiting for the session of another broker with the same id to end');
        await new Promise<void>((resolve) => clock.after(pollMs, resolve));
        continue;
      }
    } else if (existing.problem.kind !== 'noNode') return failure(existing.problem.sentence);
    // The second operation makes the version 1, which only this broker's own multi can have done: Apache's way.
    const made = await client.multi([
      ...replaced,
      client.createOperation(path, undefined, { mode: 'ephemeral' }),
      { op: 'setData', path, data, version: 0 },
    ]);
    if (!made.ok) {
      if (['nodeExists', 'badVersion', 'noNode', 'connectionLoss'].includes(made.problem.kind)) continue;
      return failure(made.problem.sentence);
    }
    if (replaced.length > 0)
      logger.info({ path }, 'replaced the registration that a killed process of this broker had left');
    const stat = await coordination.retried(() => client.exists(path));
    if (!stat.ok) return failure(stat.problem.sentence);
    if (stat.value !== undefined) return success(Number(stat.value.czxid));
  }
}

function sameAddresses(one: BrokerRegistration, other: BrokerRegistration): boolean {
  const spelled = ({ endpoints }: BrokerRegistration): string =>
    endpoints
      .map(({ listener, host, port }) => `${listener}://${host}:${port}`)
      .sort()
      .join(',');
  return spelled(one) === spelled(other);
}
