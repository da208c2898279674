import { Kafka, logLevel, Partitioners } from 'kafkajs';

export type Load = {
  readonly counts: { produced: number; errors: number };
  /** Latencies of what is sent from now on are of this kind, until told otherwise. */
  mark(kind: string): void;
  latencies(kind: string): Latencies;
  stop(): Promise<void>;
};

/** What producers saw, in milliseconds. */
export type Latencies = {
  readonly records: number;
  /** The 99th percentile of all records. */
  readonly p99: number;
  /** The same of each whole window of ten seconds. */
  readonly windows: readonly number[];
  /** Records that were answered after more than 300 ms. */
  readonly stopped: number;
};

export type LoadOptions = { readonly topic: string; readonly partitions: number };

/** So many that a 99th percentile of ten seconds is decided by 25 records, not by a few. */
const recordsPerSecond = 250;
const windowMs = 10_000;
/** Two seconds' worth: a broker that stops is seen by all records that were due meanwhile. */
const mostInFlight = 500;
const stopMs = 300;

type Window = { readonly kind: string; readonly isWhole: boolean; readonly values: number[] };
type Producer = ReturnType<Kafka['producer']>;

/** Asks again after as long as Apache's own producer does. */
export const kafkaOf = (bootstrap: string): Kafka =>
  new Kafka({
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 10, initialRetryTime: 100 },
  });

/** Fills each partition with batches of 64 KB, as producers in use make them. */
export async function fill(kafka: Kafka, { topic, partitions }: LoadOptions, partitionBytes: number): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const value = Buffer.alloc(8000, 'x');
  const batches = Math.ceil(partitionBytes / (8 * value.length));
  const atOnce = 12;
  for (let partition = 0; partition < partitions; partition++) {
    for (let sent = 0; sent < batches; sent += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, batches - sent) }, () =>
        producer.send({ topic, acks: -1, messages: Array.from({ length: 8 }, () => ({ partition, value })) }),
      );
      await Promise.all(some);
    }
  }
  await producer.disconnect();
}

/**
 * Small records with acks=all at a steady pace, whatever their answers take: a record's time counts from when it was
 * due, so that a stop is seen by all the records that it holds up.
 */
export async function produceSteadily(kafka: Kafka, { topic, partitions }: LoadOptions): Promise<Load> {
  const producer: Producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const counts = { produced: 0, errors: 0 };
  let kind = 'warm-up';
  let current: number[] = [];
  let windowStartMs = performance.now();
  let inFlight = 0;
  let turn = 0;
  const value = Buffer.alloc(200);
  const send = async (): Promise<void> => {
    const dueMs = performance.now();
    const window = current;
    inFlight++;
    try {
      await producer.send({ topic, acks: -1, messages: [{ partition: turn++ % partitions, value }] });
      counts.produced++;
      window.push(performance.now() - dueMs);
    } catch {
      counts.errors++;
    }
    inFlight--;
  };
  const all: Window[] = [];
  const next = (): void => {
    const isWhole = performance.now() - windowStartMs >= windowMs;
    all.push({ kind, isWhole, values: current });
    current = [];
    windowStartMs = performance.now();
  };
  const timer = setInterval(() => {
    if (performance.now() - windowStartMs >= windowMs) next();
    if (inFlight < mostInFlight) void send();
  }, 1000 / recordsPerSecond);
  return {
    counts,
    mark: (name) => {
      next();
      kind = name;
    },
    latencies: (name) => {
      const ofKind = all.filter((window) => window.kind === name);
      const latencies = ofKind.flatMap(({ values }) => values);
      const stopped = latencies.filter((ms) => ms > stopMs).length;
      const windows = ofKind.filter(({ isWhole }) => isWhole).map(({ values }) => p99(values));
      return { records: latencies.length, p99: p99(latencies), windows, stopped };
    },
    stop: async () => {
      clearInterval(timer);
      for (let waited = 0; inFlight > 0 && waited < 100; waited++) await sleep(100);
      await producer.disconnect();
    },
  };
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const p99 = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[Math.min(values.length - 1, Math.floor(values.length * 0.99))] ?? 0;
