import type { Clock, Logger } from '../../base/index.ts';
import type { LogFolder } from '../../log/index.ts';
import type { MetadataStore } from '../../metadata/index.ts';
import type { BrokerSettings } from '../../settings/index.ts';
import type { Controller } from '../controller/controller.ts';
import type { ControllerLink } from '../controller/controller-link.ts';
import type { ProducerIds } from '../controller/producer-ids.ts';
import type { TopicCommands } from '../controller/topic-commands.ts';
import type { TopicConfigs } from '../controller/topic-configs.ts';
import type { Groups } from '../groups/groups.ts';
import type { Replicas } from '../replica/replicas.ts';

/** What handlers work with. */
export type Services = {
  readonly settings: BrokerSettings;
  readonly brokerId: number;
  readonly clusterId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metadata: MetadataStore;
  readonly replicas: Replicas;
  readonly folders: readonly LogFolder[];
  readonly configs: TopicConfigs;
  readonly controller: Controller;
  readonly controllerLink: ControllerLink;
  readonly topics: TopicCommands;
  readonly producerIds: ProducerIds;
  readonly groups: Groups;
  /** An acks=all answer waits for the device (`hikube.durability=disk`), or only for all in-sync replicas. */
  readonly isDurableOnDisk: boolean;
  /** Resolves when this broker is registered for the first time, or stops: what a controller says is for a registration. */
  readonly isRegistered: Promise<void>;
  /** Resolves when this broker has heard of the topics that there were when it started, or has waited long enough. */
  readonly knowsTopics: Promise<void>;
};

export const offsetsTopic = '__consumer_offsets';
export const transactionsTopic = '__transaction_state';
export const isInternalTopic = (topic: string): boolean => topic === offsetsTopic || topic === transactionsTopic;
