import { join } from 'node:path';
import { type Random, seededRandom } from '../../../src/base/index.ts';
import { KafkaConnection } from '../../../src/client/kafka/index.ts';
import { apis, buildBatch, errorCode, recordsOf, wholeBatches, zeroUuid } from '../../../src/protocol/kafka/index.ts';
import { freePort } from '../ports.ts';
import { platform, startOwn } from '../zookeeper/own-server.ts';
import { type BrokerProcess, spawnBroker, until } from './own-broker.ts';

export type KillLoopResult = {
  readonly seed: number;
  readonly kills: number;
  readonly acknowledged: number;
  readonly stored: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
  /** From the start of the process to the first acknowledged record, sorted. */
  readonly restartMs: readonly number[];
};

const topic = 'kills';
const partitionCount = 2;
/** A broker remembers the last five batches of a producer. */
const inFlight = 5;

type Sent = { readonly value: number; readonly sequence: number };

/**
 * One broker as a process that is killed with SIGKILL again and again while an idempotent producer writes numbered
 * records, half of them with acks=all, half with acks=1, and sends again what was not acknowledged. After every start all
 * acknowledged records must be there, once, in order.
 */
export async function killLoop({
  folder,
  kills,
  seed,
  aliveMs,
}: {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  readonly aliveMs: number;
}): Promise<KillLoopResult> {
  const random = seededRandom(seed);
  const zooKeeper = await startOwn();
  const port = String(await freePort());
  const spawn = (): Promise<BrokerProcess> =>
    spawnBroker(join(folder, 'broker'), {
      port,
      zooKeeper: `127.0.0.1:${zooKeeper.port}`,
      'log.segment.bytes': '200000',
      'zookeeper.session.timeout.ms': '4000',
    });
  const restartMs: number[] = [];
  const total = { acknowledged: 0, stored: 0, lost: 0, duplicated: 0, outOfOrder: 0 };
  let broker = await spawn();
  try {
    await createTopic(Number(port));
    const writers = Array.from(
      { length: partitionCount },
      (_, partition) => new Writer(Number(port), partition, random),
    );
    for (const writer of writers) await writer.identify();
    for (let kill = 0; kill < kills; kill++) {
      for (const writer of writers) writer.start();
      await new Promise((done) => setTimeout(done, aliveMs * (0.3 + random.next())));
      await broker.kill('SIGKILL');
      await Promise.all(writers.map((writer) => writer.pause()));
      const startedMs = Date.now();
      broker = await spawn();
      const before = writers.map((writer) => writer.acknowledged.length);
      for (const writer of writers) writer.start();
      await until(
        () => writers.some((writer, index) => writer.acknowledged.length > (before[index] ?? 0)),
        'a record is acknowledged after the restart',
        30_000,
      );
      restartMs.push(Date.now() - startedMs);
    }
    await Promise.all(writers.map((writer) => writer.finish()));
    for (const writer of writers) {
      const stored = await readAll(Number(port), writer.partition);
      const seen = new Map<number, number>();
      for (const value of stored) seen.set(value, (seen.get(value) ?? 0) + 1);
      total.acknowledged += writer.acknowledged.length;
      total.stored += stored.length;
      total.lost += writer.acknowledged.filter((value) => !seen.has(value)).length;
      total.duplicated += [...seen.values()].filter((times) => times > 1).length;
      for (let index = 1; index < stored.length; index++)
        if ((stored[index] as number) < (stored[index - 1] as number)) total.outOfOrder++;
    }
  } finally {
    await broker.kill('SIGKILL');
    await zooKeeper.stop();
  }
  return { seed, kills, ...total, restartMs: restartMs.sort((a, b) => a - b) };
}

async function open(port: number): Promise<KafkaConnection | undefined> {
  const opened = await KafkaConnection.open(
    platform.network,
    platform.clock,
    { host: '127.0.0.1', port },
    { clientId: 'kill-loop', connectTimeoutMs: 2000, requestTimeoutMs: 5000 },
  );
  return opened.ok ? opened.value : undefined;
}

async function createTopic(port: number): Promise<void> {
  const connection = await open(port);
  await until(async () => {
    const answer = await connection?.call(apis.createTopics, {
      topics: [{ name: topic, numPartitions: partitionCount, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 5000,
    });
    const code = answer?.ok === true ? answer.value.topics[0]?.errorCode : undefined;
    return code === errorCode.NONE || code === errorCode.TOPIC_ALREADY_EXISTS;
  }, 'the topic is there');
  connection?.close();
}

/** An idempotent producer for one partition: at most `inFlight` batches on the way, sent again in order after a loss. */
class Writer {
  readonly partition: number;
  readonly acknowledged: number[] = [];
  private readonly port: number;
  private readonly random: Random;
  private readonly unacknowledged: Sent[] = [];
  private producerId = -1;
  private nextValue = 0;
  private isRunning = false;
  private mayBegin = true;
  private loop: Promise<void> = Promise.resolve();
  private problem: unknown;

  constructor(port: number, partition: number, random: Random) {
    this.port = port;
    this.partition = partition;
    this.random = random;
  }

  async identify(): Promise<void> {
    const connection = await open(this.port);
    const answer = await connection?.call(apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 0 });
    if (answer?.ok !== true || answer.value.errorCode !== 0) throw new Error('no producer id');
    this.producerId = answer.value.producerId;
    connection?.close();
  }

  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    // Thrown where the loop is waited for, so that the broker is stopped before the test fails.
    this.loop = this.run().catch((error: unknown) => {
      this.problem = error;
    });
  }

  async pause(): Promise<void> {
    this.isRunning = false;
    await this.loop;
    if (this.problem !== undefined) throw this.problem;
  }

  /** Sends nothing new; everything that was sent is acknowledged when this resolves. */
  async finish(): Promise<void> {
    this.mayBegin = false;
    this.start();
    await until(() => this.unacknowledged.length === 0, 'all is acknowledged', 30_000);
    await this.pause();
  }

  private async run(): Promise<void> {
    while (this.isRunning) {
      const connection = await open(this.port);
      if (connection === undefined) {
        await new Promise((done) => setTimeout(done, 5));
        continue;
      }
      await this.pump(connection);
      connection.close();
    }
  }

  private async pump(connection: KafkaConnection): Promise<void> {
    // First what may or may not have arrived, with the sequences that it had.
    for (const sent of [...this.unacknowledged]) if (!(await this.send(connection, sent, 'alone'))) return;
    const pending = new Set<Promise<boolean>>();
    let isBroken = false;
    while (this.isRunning && !isBroken) {
      if (!this.mayBegin) return;
      const sent = { value: this.nextValue, sequence: this.nextValue };
      this.nextValue++;
      this.unacknowledged.push(sent);
      const sending = this.send(connection, sent, 'among others').then((isSent) => {
        pending.delete(sending);
        if (!isSent) isBroken = true;
        return isSent;
      });
      pending.add(sending);
      if (pending.size >= inFlight) await Promise.race(pending);
    }
    await Promise.all(pending);
  }

  private async send(
    connection: KafkaConnection,
    { value, sequence }: Sent,
    company: 'alone' | 'among others',
  ): Promise<boolean> {
    const records = buildBatch({
      records: [
        { key: null, value: Buffer.from(`${value} ${'x'.repeat(this.random.below(800))}`), timestampMs: Date.now() },
      ],
      producerId: this.producerId,
      producerEpoch: 0,
      baseSequence: sequence,
    });
    const answer = await connection.call(apis.produce, {
      transactionalId: null,
      acks: value % 2 === 0 ? -1 : 1,
      timeoutMs: 5000,
      topicData: [{ name: topic, partitionData: [{ index: this.partition, records }] }],
    });
    const code = answer.ok ? answer.value.responses[0]?.partitionResponses[0]?.errorCode : undefined;
    if (code !== errorCode.NONE) {
      const isPassing =
        code === undefined ||
        code === errorCode.NOT_LEADER_OR_FOLLOWER ||
        code === errorCode.UNKNOWN_TOPIC_OR_PARTITION ||
        // The one before it was refused because nobody led the partition yet: both are sent again, in order.
        (code === errorCode.OUT_OF_ORDER_SEQUENCE_NUMBER && company === 'among others');
      if (!isPassing) throw new Error(`record ${value} of partition ${this.partition} was refused with ${code}`);
      return false;
    }
    this.acknowledged.push(value);
    const index = this.unacknowledged.findIndex((each) => each.value === value);
    this.unacknowledged.splice(index, 1);
    return true;
  }
}

async function readAll(port: number, partition: number): Promise<number[]> {
  const connection = await open(port);
  const values: number[] = [];
  for (let offset = 0; ; ) {
    const answer = await connection?.call(
      apis.fetch,
      {
        maxWaitMs: 0,
        minBytes: 0,
        isolationLevel: 0,
        rackId: '',
        sessionId: 0,
        topics: [
          { topic, topicId: zeroUuid, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 1 << 20 }] },
        ],
        forgottenTopicsData: [],
      },
      { version: 12 },
    );
    const found = answer?.ok === true ? answer.value.responses[0]?.partitions[0] : undefined;
    if (found === undefined || found.errorCode !== 0)
      throw new Error(`cannot read partition ${partition} at ${offset}: ${found?.errorCode}`);
    const bytes = found.records ?? Buffer.alloc(0);
    if (bytes.length === 0) break;
    for (const batch of wholeBatches(bytes)) {
      const records = recordsOf(batch, () => undefined);
      if (!records.ok) throw new Error(records.problem.sentence);
      for (const record of records.value) {
        if (record.offset !== offset) throw new Error(`offset ${record.offset} follows ${offset - 1}`);
        values.push(Number(record.value?.toString().split(' ')[0]));
        offset++;
      }
    }
  }
  connection?.close();
  return values;
}
