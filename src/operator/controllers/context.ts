import type { Clock, Logger, Network, Random } from '../../base/index.ts';
import type { EventRecorder, KubeClient } from '../../kube/index.ts';
import type { EngineImages } from '../desired/engines/index.ts';
import type { BrokerClients } from '../observe/brokers-transport.ts';
import type { Cache } from '../observe/cache.ts';
import type { FreshObjects } from '../observe/fresh-objects.ts';
import type { RawObject } from '../observe/kinds.ts';
import type { OperatorCounters } from '../status/counters.ts';

/** What every controller works with. */
export type Context = {
  readonly client: KubeClient;
  readonly cache: Cache;
  /** Our own last writes of statuses and finalizers. */
  readonly fresh: FreshObjects<RawObject>;
  readonly events: EventRecorder;
  readonly brokers: BrokerClients;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** Chance that nobody can guess. */
  readonly newPassword: () => string;
  readonly logger: Logger;
  readonly images: EngineImages;
  readonly counters: OperatorCounters;
};

/** A settled resource is looked at again after so long, as brokers tell nobody when they change. */
export const settledPeriodMs = 30_000;
/** One that waits, too: what is waited for is watched, and this is for what a watch cannot see. */
export const waitingPeriodMs = 5_000;
