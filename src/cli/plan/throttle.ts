import { type Result, success } from '../../base/index.ts';
import { type ConfigChange, type ConfigResource, configSources, type KafkaAdmin } from '../../client/kafka/index.ts';
import { type Interrupted, type Patience, type Refusal, refused } from './patience.ts';
import { spread } from './spread.ts';
import type { Step } from './steps.ts';

type Outcome = Promise<Result<undefined, Refusal | Interrupted>>;

/** How long a broker may take to hear of settings that another one has taken. */
const settingsLagMs = 15_000;
const settingsPollMs = 200;
/** Resources named in one request. */
const resourcesPerRequest = 500;

const rates = { sent: 'leader.replication.throttled.rate', received: 'follower.replication.throttled.rate' } as const;
const replicas = {
  sent: 'leader.replication.throttled.replicas',
  received: 'follower.replication.throttled.replicas',
} as const;
const removing = 'taking the throttle away';
const diskRate = 'replica.alter.log.dirs.io.max.bytes.per.second';

export const brokerResource = (id: number): ConfigResource => ({ type: 'broker', name: String(id) });

type Changes = { readonly resource: ConfigResource; readonly changes: readonly ConfigChange[] };

/**
 * A throttle of Kafka's is a rate on each broker, and on each topic the replicas that it counts for. Only what sources
 * send is throttled (why: `Pacer`). The replicas are named first: a broker that has its rate has heard of them as well.
 *
 * @param lists  what is throttled of each topic; its list is set as a whole
 */
export async function setThrottledReplicas(
  admin: KafkaAdmin,
  patience: Patience,
  lists: ReadonlyMap<string, readonly Step[]>,
): Outcome {
  const name = replicas.sent;
  const all: Changes[] = [...lists].map(([topic, steps]) => {
    const sources = steps.flatMap(({ change: { partition, from } }) => from.map((id) => `${partition}:${id}`));
    return {
      resource: { type: 'topic', name: topic },
      changes: [
        sources.length === 0 ? { name, operation: 'delete' } : { name, operation: 'set', value: sources.join(',') },
      ],
    };
  });
  return await alter(admin, patience, 'setting the throttle', all);
}

/** @param some  bytes per second to be sent by brokers that are there: a broker must be asked itself */
export const setRates = (admin: KafkaAdmin, patience: Patience, some: ReadonlyMap<number, number>): Outcome =>
  alter(
    admin,
    patience,
    'setting the throttle',
    [...some].map(([id, rate]) => ({
      resource: brokerResource(id),
      changes: [{ name: rates.sent, operation: 'set', value: String(Math.ceil(rate)) }],
    })),
  );

/** Sets rates and waits until the brokers say that they have them: a copy begun before that would not be held back. */
export async function setRatesSurely(
  admin: KafkaAdmin,
  patience: Patience,
  some: ReadonlyMap<number, number>,
): Outcome {
  const set = await setRates(admin, patience, some);
  if (!set.ok || some.size === 0) return set;
  const wanted = new Map([...some].map(([id, rate]) => [String(id), String(Math.ceil(rate))]));
  const untilMs = performance.now() + settingsLagMs;
  for (;;) {
    const described = await patience.ask('setting the throttle', () =>
      admin.describeConfigs([...some.keys()].map(brokerResource)),
    );
    if (!described.ok) return described;
    const late = described.value.find(
      ({ name: id, entries }) => entries.find(({ name }) => name === rates.sent)?.value !== wanted.get(id),
    );
    if (late === undefined) return success(undefined);
    if (performance.now() > untilMs) {
      return refused('setting the throttle', `broker ${late.name} did not take its rate within ${settingsLagMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, settingsPollMs));
  }
}

/** For copies between the log folders of a broker. */
export const setDiskThrottle = (
  admin: KafkaAdmin,
  patience: Patience,
  brokers: readonly number[],
  rate: number,
): Outcome =>
  alter(
    admin,
    patience,
    'setting the throttle of disks',
    brokers.map((id) => ({
      resource: brokerResource(id),
      changes: [{ name: diskRate, operation: 'set', value: String(Math.round(rate)) }],
    })),
  );

async function alter(admin: KafkaAdmin, patience: Patience, what: string, all: readonly Changes[]): Outcome {
  return await inTurn(patience, all, async (some) => {
    const answer = await patience.ask(what, () => admin.incrementalAlterConfigs(some));
    if (!answer.ok) return answer;
    const bad = answer.value.find(({ errorCode }) => errorCode !== 0);
    if (bad === undefined) return success(undefined);
    return refused(`${what} of ${bad.type} ${bad.name}`, bad.errorMessage ?? `error ${bad.errorCode}`);
  });
}

/** Topics as many as fit into a request, then brokers, a few at a time. */
async function inTurn(
  patience: Patience,
  all: readonly Changes[],
  act: (some: readonly Changes[]) => Outcome,
): Outcome {
  const ofTopics = all.filter(({ resource }) => resource.type === 'topic');
  for (let at = 0; at < ofTopics.length; at += resourcesPerRequest) {
    const done = await act(ofTopics.slice(at, at + resourcesPerRequest));
    if (!done.ok) return done;
  }
  const ofBrokers = all.filter(({ resource }) => resource.type === 'broker');
  return await spread(patience, ofBrokers, act);
}

/**
 * Takes the throttle away and waits until every broker and topic says that it is gone: a broker of a KRaft cluster hears
 * of the change some moments after the one that answered. It also runs when the cluster has just refused something.
 *
 * @returns brokers that are away, where rates are left: without the topics' lists they throttle nothing
 */
export async function removeThrottle(
  admin: KafkaAdmin,
  patience: Patience,
  {
    brokers,
    topics,
    diskBrokers,
  }: {
    readonly brokers: readonly number[];
    readonly topics: readonly string[];
    readonly diskBrokers: readonly number[];
  },
): Promise<Result<readonly number[], Refusal | Interrupted>> {
  const cluster = await patience.ask(removing, () => admin.describeCluster());
  if (!cluster.ok) return cluster;
  const live = new Set(cluster.value.brokers.map(({ id }) => id));
  const names = new Map<number, string[]>();
  for (const id of brokers) names.set(id, Object.values(rates));
  for (const id of diskBrokers) names.set(id, [...(names.get(id) ?? []), diskRate]);
  const throttled = [
    ...topics.map((topic) => ({ resource: { type: 'topic', name: topic } as const, names: Object.values(replicas) })),
    ...[...names].filter(([id]) => live.has(id)).map(([id, own]) => ({ resource: brokerResource(id), names: own })),
  ];
  const away = [...names.keys()].filter((id) => !live.has(id));
  const removed = await removeFrom(admin, patience, throttled);
  return removed.ok ? success(away) : removed;
}

type Throttled = { readonly resource: ConfigResource; readonly names: readonly string[] };

async function removeFrom(admin: KafkaAdmin, patience: Patience, throttled: readonly Throttled[]): Outcome {
  const removals = throttled.map(({ resource, names }) => ({
    resource,
    changes: names.map((name): ConfigChange => ({ name, operation: 'delete' })),
  }));
  const untilMs = performance.now() + settingsLagMs;
  for (;;) {
    const altered = await inTurn(patience, removals, async (some) => {
      const answer = await patience.ask(removing, () => admin.incrementalAlterConfigs(some));
      return answer.ok ? success(undefined) : answer;
    });
    if (!altered.ok) return altered;
    const left = await firstLeft(admin, patience, throttled);
    if (!left.ok) return left;
    if (left.value === undefined) return success(undefined);
    if (performance.now() > untilMs) {
      return refused(removing, `${left.value}; run the plan's cancel or resume again, or remove it by hand`);
    }
    await new Promise((resolve) => setTimeout(resolve, settingsPollMs));
  }
}

/** Where a throttle still stands, as a sentence; undefined if nowhere. A topic that is gone has none. */
async function firstLeft(
  admin: KafkaAdmin,
  patience: Patience,
  throttled: readonly Throttled[],
): Promise<Result<string | undefined, Refusal | Interrupted>> {
  const own: readonly number[] = [configSources.topic, configSources.dynamicBroker];
  const all = new Set(throttled.flatMap(({ names }) => names));
  for (let at = 0; at < throttled.length; at += resourcesPerRequest) {
    const some = throttled.slice(at, at + resourcesPerRequest).map(({ resource }) => resource);
    const described = await patience.ask(removing, () => admin.describeConfigs(some));
    if (!described.ok) return described;
    for (const { type, name, entries } of described.value) {
      const entry = entries.find((each) => all.has(each.name) && own.includes(each.source));
      if (entry !== undefined) return success(`${type} ${name} still has ${entry.name}=${entry.value}`);
    }
  }
  return success(undefined);
}
