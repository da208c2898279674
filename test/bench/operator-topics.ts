/** How long the operator takes for many KafkaTopics: API server, operator and three brokers in one process. */
import { loadavg } from 'node:os';
import type { KubeObject } from '../../src/kube/index.ts';
import { inParallel } from '../../src/operator/apply/in-parallel.ts';
import { conditionOf, kafkaClusters, kafkaTopics, type Loose, must, startWorld, until } from '../operator/world.ts';

export const summary = 'seconds from 1,000 applied KafkaTopics to all Ready, writes per topic, and to all gone';

const applyAtOnce = 16;
const timeoutMs = 300_000;
const isReady = (object: KubeObject): boolean => conditionOf(object as Loose)?.status === 'True';

/** @param args  how many topics; 1000 if absent */
export async function run(args: readonly string[]): Promise<void> {
  const topics = Number(args[0] ?? 1_000);
  const world = await startWorld({ processes: 'real' });
  const operator = world.startOperator();
  const namespace = 'default';
  try {
    await world.apply(namespace, 'ZooKeeper', 'example', { replicas: 1 });
    await world.apply(namespace, 'KafkaCluster', 'example', { coordination: { zooKeeper: { name: 'example' } } });
    await until(
      'the cluster',
      async () => {
        const cluster = await world.client.get(kafkaClusters, { namespace, name: 'example' });
        return cluster.ok && isReady(cluster.value) ? true : undefined;
      },
      timeoutMs,
    );
    const writesBefore = writesOf();
    const startMs = performance.now();
    const seconds = (): string => ((performance.now() - startMs) / 1_000).toFixed(1);
    const indexes = Array.from({ length: topics }, (_, index) => index);
    await inParallel(indexes, applyAtOnce, (index) =>
      world.apply(namespace, 'KafkaTopic', `topic-${index}`, { cluster: 'example', partitions: 3 }),
    );
    process.stdout.write(`${topics} topics applied after ${seconds()} s\n`);
    await until(
      'all topics',
      async () => {
        const { items } = must(await world.client.list(kafkaTopics));
        return items.filter(isReady).length === topics
          ? true
          : await new Promise((done) => setTimeout(done, 200, undefined));
      },
      timeoutMs,
    );
    const perTopic = (writesOf() - writesBefore) / topics;
    process.stdout.write(`all Ready after ${seconds()} s, ${perTopic.toFixed(2)} writes a topic\n`);
    const deletedMs = performance.now();
    await inParallel(indexes, applyAtOnce, (index) =>
      world.client.delete(kafkaTopics, { namespace, name: `topic-${index}` }),
    );
    await until(
      'all topics to go',
      async () => {
        const { items } = must(await world.client.list(kafkaTopics));
        return items.length === 0 ? true : await new Promise((done) => setTimeout(done, 200, undefined));
      },
      timeoutMs,
    );
    const goneSeconds = ((performance.now() - deletedMs) / 1_000).toFixed(1);
    const load = loadavg()[0]?.toFixed(1);
    process.stdout.write(`all gone ${goneSeconds} s after their deletion; load of the last minute ${load}\n`);
  } finally {
    await operator.stop();
    await world.stop();
  }

  function writesOf(): number {
    const metric = operator.metrics().find(({ name }) => name === 'hikube_operator_writes_total');
    return (metric?.samples ?? []).reduce((sum, { value }) => sum + value, 0);
  }
}
