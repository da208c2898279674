import { hostname } from 'node:os';
import type { Clock, Disk, Logger, Metric, Network, Random } from '../base/index.ts';
import { createGroupCoordinator, type GroupSettings } from '../coordinator/index.ts';
import { defaultLogConfig, LogFolder, type PartitionLog, SyncQueue, TurnEnd } from '../log/index.ts';
import { MetadataStore } from '../metadata/index.ts';
import { apis, errorCode, randomUuid } from '../protocol/kafka/index.ts';
import type { BrokerSettings, ListenerAddress } from '../settings/index.ts';
import { Controller } from './controller/controller.ts';
import { ControllerLink } from './controller/controller-link.ts';
import { Coordination } from './controller/coordination.ts';
import { ProducerIds } from './controller/producer-ids.ts';
import { register } from './controller/registration.ts';
import { TopicCommands } from './controller/topic-commands.ts';
import { TopicConfigs } from './controller/topic-configs.ts';
import { type BrokerRegistration, clusterIdData, parseClusterId, paths, persistentPaths } from './controller/znodes.ts';
import { Groups } from './groups/groups.ts';
import { offsetsTopic, type Services, servedApis } from './handlers/index.ts';
import { LogMaintenance } from './log-maintenance.ts';
import { brokerMetrics } from './metrics.ts';
import { logConfigOf } from './replica/log-config.ts';
import { Replicas } from './replica/replicas.ts';
import type { ServedApi } from './request/api-table.ts';
import { RequestProcessor } from './request/request-processor.ts';
import { SocketServer } from './socket/socket-server.ts';

export type BrokerPlatform = {
  readonly disk: Disk;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

const defaultZooKeeperTimeoutMs = 18_000;
const registrationWaitMs = 30_000;
const controlledShutdownTimeoutMs = 5_000;
const firstMetadataWaitMs = 10_000;

/**
 * One Kafka broker of a cluster that is coordinated through ZooKeeper.
 *
 * ```
 * start: logs are loaded while ZooKeeper is reached ─▶ identity (broker id, cluster id, meta.properties) ─▶ topics' settings
 *        ─▶ sockets ─▶ /brokers/ids/N ─▶ controller election ─▶ the controller says what this broker leads
 * stop:  controlled shutdown ─▶ session closed ─▶ sockets ─▶ logs flushed and marked clean
 * ```
 */
export class Broker {
  private readonly settings: BrokerSettings;
  private readonly platform: BrokerPlatform;
  private readonly metadata = new MetadataStore();
  private folders: LogFolder[] = [];
  private coordination: Coordination | undefined;
  private configs: TopicConfigs | undefined;
  private controller: Controller | undefined;
  private controllerLink: ControllerLink | undefined;
  private replicas: Replicas | undefined;
  private groups: Groups | undefined;
  private server: SocketServer | undefined;
  private processor: RequestProcessor | undefined;
  private maintenance: LogMaintenance | undefined;
  private registration: BrokerRegistration | undefined;
  private isStopping = false;
  private waitsFor = 'the log folders';
  private readonly failed = Promise.withResolvers<string>();
  private readonly isRegistered = Promise.withResolvers<void>();
  private readonly knowsTopics = Promise.withResolvers<void>();

  constructor(settings: BrokerSettings, platform: BrokerPlatform) {
    this.settings = settings;
    this.platform = platform;
  }

  /** Resolves with the reason when the broker cannot go on. */
  get failure(): Promise<string> {
    return this.failed.promise;
  }

  /** Undefined when it serves; else what it waits for. */
  notReadyBecause(): string | undefined {
    if (this.waitsFor !== '') return `waiting for ${this.waitsFor}`;
    const id = this.registration?.id ?? -1;
    if (!(this.coordination?.isConnected ?? false)) return 'not connected to ZooKeeper';
    if (!this.metadata.image.brokers.has(id)) return 'waiting for the controller to make this broker known';
    return undefined;
  }

  /** Where clients of each listener are told to connect; after `start`. */
  get advertised(): ReadonlyMap<string, { readonly host: string; readonly port: number }> {
    return new Map((this.registration?.endpoints ?? []).map(({ listener, host, port }) => [listener, { host, port }]));
  }

  metrics(): readonly Metric[] {
    if (this.replicas === undefined || this.server === undefined || this.processor === undefined) return [];
    return brokerMetrics({
      replicas: this.replicas,
      server: this.server,
      counts: this.processor.counts,
      folders: this.folders,
      metadata: this.metadata,
      controller: this.controller,
    });
  }

  /**
   * @returns what is wrong, as a sentence for a person, if the broker cannot start
   */
  async start(): Promise<string | undefined> {
    const problem = await this.startUp();
    // A start that a stop has cut short has not failed.
    return this.isStopping ? undefined : problem;
  }

  private async startUp(): Promise<string | undefined> {
    const { settings, platform } = this;
    const { logger, clock } = platform;
    const startedMs = clock.monotonicMs();
    if (settings.zooKeeper === undefined)
      return 'zookeeper.connect is missing: this broker is coordinated through ZooKeeper, and needs to know where that is';
    const unsupported = settings.listeners.find(({ protocol }) => protocol !== 'PLAINTEXT');
    if (unsupported !== undefined)
      return `listener ${unsupported.name} uses ${unsupported.protocol}: only PLAINTEXT listeners are served for now`;
    this.coordination = new Coordination(
      {
        servers: settings.zooKeeper.servers,
        chroot: settings.zooKeeper.chroot,
        sessionTimeoutMs: settings.get('zookeeper.session.timeout.ms') ?? defaultZooKeeperTimeoutMs,
      },
      platform,
    );
    const { coordination } = this;
    const connected = coordination.start();
    const opened = this.openFolders();
    if (opened !== undefined) return opened;
    this.waitsFor = 'ZooKeeper';
    await connected;
    for (const path of persistentPaths) {
      const made = await coordination.makePath(path);
      if (!made.ok) return made.problem.sentence;
    }
    const identity = await this.establishIdentity(coordination);
    if (typeof identity === 'string') return identity;
    this.configs = new TopicConfigs(settings, coordination, logger);
    await this.configs.start();
    const services = this.buildServices(identity);
    this.waitsFor = 'the listeners';
    const listening = await this.listen(services);
    if (listening !== undefined) return listening;
    this.waitsFor = 'the registration in ZooKeeper';
    const registered = await this.registerNow();
    if (registered !== undefined) return registered;
    coordination.onNewSession(() => void this.renewSession());
    this.controller?.start();
    this.maintenance = new LogMaintenance(services, platform);
    this.maintenance.start();
    this.waitsFor = 'the topics that ZooKeeper has';
    void this.hearOfTopics(coordination);
    logger.info(
      { broker: identity.brokerId, cluster: identity.clusterId, tookMs: Math.round(clock.monotonicMs() - startedMs) },
      'the broker has started',
    );
    return undefined;
  }

  private openFolders(): string | undefined {
    const { disk, clock, logger } = this.platform;
    const deps = {
      disk,
      clock,
      logger,
      turnEnd: new TurnEnd(),
      syncQueue: new SyncQueue(),
    };
    for (const path of this.settings.logDirs) {
      // Settings of topics come later, from ZooKeeper; loading needs only how indexes are spaced.
      const opened = LogFolder.open(path, deps, () => defaultLogConfig);
      if (!opened.ok) return opened.problem;
      this.folders.push(opened.value);
    }
    return undefined;
  }

  private async establishIdentity(
    coordination: Coordination,
  ): Promise<{ brokerId: number; clusterId: string } | string> {
    let clusterId: string | undefined;
    while (clusterId === undefined) {
      const read = await coordination.retried((client) => client.getData(paths.clusterId));
      if (read.ok) {
        clusterId = parseClusterId(read.value.data);
        if (clusterId === undefined) return `${paths.clusterId} in ZooKeeper is not readable`;
      } else if (read.problem.kind === 'noNode') {
        await coordination.makePath('/cluster');
        await coordination.retried((client) => client.create(paths.clusterId, clusterIdData(randomUuid())));
      } else return read.problem.sentence;
    }
    let { brokerId } = this.settings;
    for (const { path, meta } of this.folders) {
      if (meta === undefined) continue;
      if (meta.version !== 0)
        return `${path}/meta.properties belongs to a KRaft cluster; this broker is coordinated through ZooKeeper`;
      if (meta.clusterId !== undefined && meta.clusterId !== clusterId) {
        return `${path}/meta.properties belongs to cluster ${meta.clusterId}, but ZooKeeper's cluster is ${clusterId}: check zookeeper.connect and log.dirs`;
      }
      if (meta.brokerId === undefined) continue;
      if (brokerId === -1) ({ brokerId } = meta as { brokerId: number });
      else if (meta.brokerId !== brokerId)
        return `${path}/meta.properties belongs to broker ${meta.brokerId}, but broker.id is ${brokerId}: check broker.id and log.dirs`;
    }
    if (brokerId === -1) {
      const next = await coordination.retried((client) => client.setData(paths.brokerSequence, undefined, -1));
      if (!next.ok) return next.problem.sentence;
      brokerId = this.settings.get('reserved.broker.max.id') + next.value.version;
    }
    for (const folder of this.folders)
      if (folder.meta?.version !== 0 || folder.meta.brokerId === undefined)
        folder.writeMeta({ version: 0, brokerId, clusterId });
    return { brokerId, clusterId };
  }

  private buildServices({ brokerId, clusterId }: { brokerId: number; clusterId: string }): Services {
    const { settings, platform, metadata, folders } = this;
    const { clock, logger, network } = platform;
    const coordination = this.coordination as Coordination;
    const configs = this.configs as TopicConfigs;
    const isDurableOnDisk = settings.get('hikube.durability') === 'disk';
    const replicas = new Replicas({
      brokerId,
      folders,
      logger,
      configOf: (topic) => logConfigOf(configs.settingsOf(topic)),
      deleteDelayMs: Number(settings.get('log.segment.delete.delay.ms')),
    });
    configs.listen((topic) => {
      for (const replica of replicas.all())
        if (replica.topic === topic) replica.log.configure(logConfigOf(configs.settingsOf(topic)));
    });
    const groupSettings = groupSettingsOf(settings);
    const groups = new Groups({
      clock,
      logger,
      replicas,
      offsetsTopic,
      partitionCount: () => metadata.image.topics.get(offsetsTopic)?.partitions.length,
      makeCoordinator: () => createGroupCoordinator(groupSettings, () => randomUuid()),
      isDurableOnDisk,
    });
    const { interBrokerListenerName } = settings;
    const controller = new Controller(
      { brokerId, interBrokerListenerName },
      { network, clock, logger: logger.child({ part: 'controller' }), coordination },
    );
    const controllerLink = new ControllerLink(metadata, interBrokerListenerName, { network, clock, logger });
    const topics = new TopicCommands({ settings, coordination, controller, configs, metadata, clock, logger });
    metadata.listen((image, _, before) => {
      for (const [name, { topicId }] of before.topics) {
        const now = image.topics.get(name);
        if (now !== undefined && now.topicId === topicId) continue;
        if (now === undefined) configs.forget(name);
        groups.topicDeleted(name);
      }
    });
    this.replicas = replicas;
    this.groups = groups;
    this.controller = controller;
    this.controllerLink = controllerLink;
    return {
      settings,
      brokerId,
      clusterId,
      clock,
      logger,
      metadata,
      replicas,
      folders,
      configs,
      controller,
      controllerLink,
      topics,
      producerIds: new ProducerIds(coordination, brokerId),
      groups,
      isDurableOnDisk,
      isRegistered: this.isRegistered.promise,
      knowsTopics: this.knowsTopics.promise,
    };
  }

  private async listen(services: Services): Promise<string | undefined> {
    const { settings, platform } = this;
    const table: ReadonlyMap<number, ServedApi> = servedApis(services);
    this.processor = new RequestProcessor(table, platform.logger);
    this.server = new SocketServer(
      {
        listeners: settings.listeners,
        requestMaxBytes: settings.get('socket.request.max.bytes'),
        connectionsMax: settings.get('max.connections'),
        connectionsPerAddressMax: settings.get('max.connections.per.ip'),
        idleMaxMs: Number(settings.get('connections.max.idle.ms')),
      },
      { network: platform.network, clock: platform.clock, logger: platform.logger, admit: this.processor.admit },
    );
    try {
      const bound = await this.server.listen();
      const endpoints = settings.advertisedListeners.map((advertised: ListenerAddress) => ({
        listener: advertised.name,
        protocol: advertised.protocol,
        host:
          advertised.host === '' || advertised.host === '0.0.0.0' || advertised.host === '::'
            ? hostname()
            : advertised.host,
        port: advertised.port === 0 ? (bound.get(advertised.name)?.port ?? 0) : advertised.port,
      }));
      this.registration = { id: services.brokerId, endpoints, rack: settings.get('broker.rack') ?? null };
      for (const [listener, address] of bound) platform.logger.info({ listener, ...address }, 'listening');
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  private async registerNow(): Promise<string | undefined> {
    const { clock, logger } = this.platform;
    const registered = await register(this.coordination as Coordination, this.registration as BrokerRegistration, {
      clock,
      logger,
      waitMs: registrationWaitMs,
    });
    if (!registered.ok) return registered.problem;
    (this.replicas as Replicas).brokerEpoch = registered.value;
    this.isRegistered.resolve();
    logger.info(
      {
        brokerEpoch: registered.value,
        endpoints: this.registration?.endpoints.map(({ listener, host, port }) => `${listener}://${host}:${port}`),
      },
      'registered in ZooKeeper',
    );
    return undefined;
  }

  /** Until the controller has told of all topics that are there, a client that asks would hear that they are not. */
  private async hearOfTopics(coordination: Coordination): Promise<void> {
    const { clock } = this.platform;
    const there = await coordination.retried((client) => client.getChildren(paths.topics));
    const leaving = await coordination.retried((client) => client.getChildren(paths.deletedTopics));
    const gone = new Set(leaving.ok ? leaving.value.children : []);
    const expected = there.ok ? there.value.children.filter((name) => !gone.has(name)) : [];
    const { id } = this.registration as BrokerRegistration;
    await this.metadata.waitFor(
      (image) => image.brokers.has(id) && expected.every((name) => image.topics.has(name)),
      firstMetadataWaitMs,
      (delayMs, call) => clock.after(delayMs, call),
    );
    this.knowsTopics.resolve();
    if (this.waitsFor !== 'its end') this.waitsFor = '';
  }

  private async renewSession(): Promise<void> {
    if (this.isStopping) return;
    try {
      const problem = await this.registerNow();
      if (problem !== undefined) {
        this.failed.resolve(problem);
        return;
      }
      await this.configs?.start();
      this.controller?.start();
    } catch (error) {
      this.failed.resolve(`could not take up work with a new ZooKeeper session: ${(error as Error).message}`);
    }
  }

  /** The orderly end. Safe to call at any time after the constructor. */
  async stop(): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    const { logger } = this.platform;
    this.waitsFor = 'its end';
    this.isRegistered.resolve();
    this.knowsTopics.resolve();
    if (this.settings.get('controlled.shutdown.enable')) await this.announceShutdown();
    this.groups?.stop();
    await this.controller?.stop();
    await this.server?.stopListening();
    await this.coordination?.stop();
    this.server?.endAll();
    await this.controllerLink?.close();
    this.maintenance?.stop();
    const highWatermarkOf = (log: PartitionLog): number | undefined =>
      this.replicas?.get(log.topic, log.partition)?.highWatermark;
    for (const folder of this.folders) await folder.close(this.replicas?.brokerEpoch ?? -1, highWatermarkOf);
    logger.info({}, 'the logs are closed');
  }

  private async announceShutdown(): Promise<void> {
    const { registration, replicas, controller, controllerLink } = this;
    if (
      registration === undefined ||
      replicas === undefined ||
      controller === undefined ||
      controllerLink === undefined
    )
      return;
    const { clock, logger } = this.platform;
    const asked = controller.isActive
      ? controller.controlledShutdown(registration.id, replicas.brokerEpoch)
      : controllerLink
          .call(apis.controlledShutdown, undefined, { brokerId: registration.id, brokerEpoch: replicas.brokerEpoch })
          .then((answer) => (answer.ok ? answer.value.errorCode : errorCode.NETWORK_EXCEPTION));
    const tooLong = new Promise<number>((resolve) =>
      clock.after(controlledShutdownTimeoutMs, () => resolve(errorCode.REQUEST_TIMED_OUT)),
    );
    const code = await Promise.race([asked, tooLong]);
    if (code !== errorCode.NONE)
      logger.warn({ errorCode: code }, 'the controller did not confirm the shutdown; stopping all the same');
  }
}

function groupSettingsOf(settings: BrokerSettings): GroupSettings {
  return {
    initialRebalanceDelayMs: settings.get('group.initial.rebalance.delay.ms'),
    minSessionTimeoutMs: settings.get('group.min.session.timeout.ms'),
    maxSessionTimeoutMs: settings.get('group.max.session.timeout.ms'),
    maxMembers: settings.get('group.max.size'),
    offsetsRetentionMs: settings.get('offsets.retention.minutes') * 60_000,
    offsetsRetentionCheckMs: Number(settings.get('offsets.retention.check.interval.ms')),
    offsetMetadataMaxBytes: settings.get('offset.metadata.max.bytes'),
  };
}
