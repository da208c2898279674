import type { Logger } from '../../base/index.ts';
import type { BrokerSettings, TopicSettings } from '../../settings/index.ts';
import { problemOfTopicProperties, topicSettings } from '../../settings/index.ts';
import type { Coordination } from './coordination.ts';
import { configChangeData, configData, type OwnConfig, parseConfig, parseConfigChange, paths } from './znodes.ts';

/**
 * Topics' own settings as ZooKeeper has them: read at the start, and again when `/config/changes` says so.
 *
 * Source: ZkConfigManager.scala, ConfigHandler.scala.
 */
export class TopicConfigs {
  private readonly broker: BrokerSettings;
  private readonly coordination: Coordination;
  private readonly logger: Logger;
  private readonly own = new Map<string, OwnConfig>();
  private readonly effective = new Map<string, TopicSettings>();
  private readonly listeners: ((topic: string) => void)[] = [];
  private seen = new Set<string>();
  private generation = 0;

  constructor(broker: BrokerSettings, coordination: Coordination, logger: Logger) {
    this.broker = broker;
    this.coordination = coordination;
    this.logger = logger;
  }

  /** Told when a topic's settings have changed. */
  listen(listener: (topic: string) => void): void {
    this.listeners.push(listener);
  }

  ownOf(topic: string): OwnConfig {
    return this.own.get(topic) ?? {};
  }

  settingsOf(topic: string): TopicSettings {
    let settings = this.effective.get(topic);
    if (settings === undefined) {
      settings = topicSettings(this.ownOf(topic), this.broker);
      this.effective.set(topic, settings);
    }
    return settings;
  }

  /** At the start, and again with every new session. */
  async start(): Promise<void> {
    this.generation++;
    await this.watchChanges();
    const topics = await this.coordination.retried((client) => client.getChildren(paths.topicConfigs));
    if (!topics.ok) throw new Error(topics.problem.sentence);
    for (const topic of topics.value.children) await this.read(topic);
  }

  private async watchChanges(): Promise<void> {
    const { generation } = this;
    const changes = await this.coordination.retried((client) =>
      client.getChildren(paths.configChanges, () => {
        if (generation === this.generation)
          void this.watchChanges().catch((err: unknown) => this.logger.warn({ err }, 'could not read config changes'));
      }),
    );
    if (!changes.ok) throw new Error(changes.problem.sentence);
    const fresh = changes.value.children.filter((name) => !this.seen.has(name)).sort();
    this.seen = new Set(changes.value.children);
    for (const name of fresh) {
      const change = await this.coordination.retried((client) => client.getData(`${paths.configChanges}/${name}`));
      const topic = change.ok ? parseConfigChange(change.value.data) : undefined;
      if (topic !== undefined) await this.read(topic);
    }
  }

  private async read(topic: string): Promise<void> {
    const read = await this.coordination.retried((client) => client.getData(paths.topicConfig(topic)));
    if (!read.ok && read.problem.kind !== 'noNode') throw new Error(read.problem.sentence);
    const config = read.ok ? parseConfig(read.value.data) : {};
    const problem = problemOfTopicProperties(config);
    if (problem !== undefined) {
      this.logger.error({ topic, problem }, 'the settings of a topic are not valid; it keeps those it had');
      return;
    }
    if (JSON.stringify(config) === JSON.stringify(this.ownOf(topic))) return;
    this.set(topic, config);
    this.logger.info({ topic, config }, 'topic settings changed');
  }

  private set(topic: string, config: OwnConfig): void {
    this.own.set(topic, config);
    this.effective.delete(topic);
    for (const listener of this.listeners) listener(topic);
  }

  /** Settings of a topic that is being made: everyone reads them when they first hear of the topic. */
  async write(topic: string, config: OwnConfig): Promise<string | undefined> {
    const data = configData(config);
    const written = await this.coordination.retried((client) => client.setData(paths.topicConfig(topic), data));
    if (!written.ok) {
      if (written.problem.kind !== 'noNode') return written.problem.sentence;
      const made = await this.coordination.retried((client) => client.create(paths.topicConfig(topic), data));
      if (!made.ok && made.problem.kind !== 'nodeExists') return made.problem.sentence;
    }
    const told = await this.coordination.retried((client) =>
      client.create(paths.configChange, configChangeData(`topics/${topic}`), { mode: 'persistentSequential' }),
    );
    if (!told.ok) return told.problem.sentence;
    if (JSON.stringify(config) !== JSON.stringify(this.ownOf(topic))) this.set(topic, config);
    return undefined;
  }

  /** A topic is gone: one of the same name starts without its settings. */
  forget(topic: string): void {
    this.own.delete(topic);
    this.effective.delete(topic);
  }
}
