import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pythonWith } from '../../support/programs.ts';
import type { Target } from './producers.ts';

/** Producers that never stop, of half a megabyte a second each. */
export type Load = {
  counts(): Promise<Counts>;
  /** Latencies of what is due from now on are of this kind, until told otherwise. */
  mark(kind: string): void;
  /** What each of them sees. */
  readonly by: Readonly<Record<Linger, Producer>>;
  stop(): Promise<void>;
};

/** For how long a client waits for more before it sends: as clients come (5 ms), or not at all. */
export type Linger = 'asClientsCome' | 'nothing';

/** A producer that never stops: librdkafka's, in a process of its own. */
export type Producer = {
  counts(): Promise<Counts>;
  /** Latencies of what is due from now on are of this kind, until told otherwise. */
  mark(kind: string): void;
  latencies(kind: string): Promise<Latencies>;
  /** From each mark to the next, in order. */
  phases(): Promise<readonly Phase[]>;
  stop(): Promise<void>;
};

export type Counts = { readonly produced: number; readonly errors: number };

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

export type Phase = Latencies & { readonly kind: string };

/** What `steady_producer.py` is asked. */
type Question =
  | { readonly ask: 'counts' | 'phases' | 'stop' }
  | { readonly ask: 'mark' | 'latencies'; readonly kind: string };
/** What it answers: of 0 without being asked, as it begins to produce. */
type Reply = { readonly id: number; readonly answer: Counts | Latencies | readonly Phase[] | null };

/** @throws when a producer cannot start, or ends before it is told to, with its last words */
export async function produceSteadily(bootstrap: string, target: Target): Promise<Load> {
  const asClientsCome = await startProducer(bootstrap, target, []);
  const nothing = await startProducer(bootstrap, target, ['0']).catch(async (error: unknown) => {
    await asClientsCome.stop();
    throw error;
  });
  const by = { asClientsCome, nothing };
  const all = Object.values(by);
  return {
    by,
    counts: async () => {
      const [one, other] = (await Promise.all(all.map((each) => each.counts()))) as [Counts, Counts];
      return { produced: one.produced + other.produced, errors: one.errors + other.errors };
    },
    mark: (kind) => {
      for (const each of all) each.mark(kind);
    },
    stop: async () => {
      await Promise.all(all.map((each) => each.stop()));
    },
  };
}

async function startProducer(
  bootstrap: string,
  { topic, partitions }: Target,
  linger: readonly string[],
): Promise<Producer> {
  const program = join(import.meta.dirname, 'steady_producer.py');
  const child = spawn(pythonWith('confluent-kafka==2.16.1'), [
    program,
    bootstrap,
    topic,
    String(partitions),
    ...linger,
  ]);
  const open = new Map<number, { resolve(answer: Reply['answer']): void; reject(error: Error): void }>();
  let [lastId, said] = [0, ''];
  let end: Error | undefined;
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, answer } = JSON.parse(line) as Reply;
    open.get(id)?.resolve(answer);
    open.delete(id);
  });
  // What is still asked of one that has ended is answered below.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<void>((done) => {
    const over = (why: string): void => {
      end ??= new Error(`the producer ended (${why}): ${said}`);
      for (const { reject } of open.values()) reject(end);
      open.clear();
      done();
    };
    child.once('error', (error) => over(error.message));
    child.once('close', (code, signal) => over(signal ?? `code ${code}`));
  });
  const answerTo = (id: number): Promise<Reply['answer']> => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply['answer']>();
    if (end === undefined) open.set(id, { resolve, reject });
    else reject(end);
    return promise;
  };
  const tell = (question: Question, id: number): void => {
    if (end === undefined) child.stdin.write(`${JSON.stringify({ ...question, id })}\n`);
  };
  const ask = (question: Question): Promise<Reply['answer']> => {
    const id = ++lastId;
    const answer = answerTo(id);
    tell(question, id);
    return answer;
  };
  await answerTo(0);
  return {
    counts: async () => (await ask({ ask: 'counts' })) as Counts,
    mark: (kind) => tell({ ask: 'mark', kind }, ++lastId),
    latencies: async (kind) => (await ask({ ask: 'latencies', kind })) as Latencies,
    phases: async () => (await ask({ ask: 'phases' })) as readonly Phase[],
    stop: async () => {
      tell({ ask: 'stop' }, ++lastId);
      await ended;
    },
  };
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
