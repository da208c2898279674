import { openAdmin } from './admin.ts';

/** What one broker received, or sent, between the first and the last byte that moved. */
export type Gain = {
  readonly broker: number;
  readonly direction: 'received' | 'sent';
  readonly bytes: number;
  readonly seconds: number;
  readonly rate: number;
};

export type Meter = {
  /** @param leaders  of each partition while it moves: who sends */
  begin(leaders: ReadonlyMap<number, number>): void;
  /** Of the brokers that received or sent anything since `begin`. */
  gains(): Gain[];
  stop(): Promise<void>;
};

const sampleMs = 500;
/** A copy that is closer to its leader than one fetch follows what is produced, which no throttle holds back. */
const followsBytes = 1024 * 1024;
/** The first and last bytes that count are these parts of all. */
const edge = 0.005;

/**
 * Looks at brokers' log folders twice a second until it is stopped: always, so that it costs the same in all windows.
 * What counts are replicas that were not there when a move began, until they have caught up with their leader.
 */
export async function startMeter(bootstrap: string, brokers: readonly number[], topic: string): Promise<Meter> {
  const { admin, close } = openAdmin(bootstrap);
  const sizes = new Map<string, number>();
  let leaders: ReadonlyMap<number, number> = new Map();
  /** Replicas, as of `sizes`, that are no copies any more or never were. */
  let following = new Set<string>();
  let gained = new Map<string, number>();
  let samples: { readonly atMs: number; readonly gained: ReadonlyMap<string, number> }[] = [];
  let isFirst = true;
  const add = (key: string, bytes: number): void => {
    gained.set(key, (gained.get(key) ?? 0) + bytes);
  };
  const look = async (): Promise<void> => {
    const answer = await admin.describeLogDirs(brokers, null);
    if (!answer.ok) return;
    const seen = new Set<string>();
    for (const { broker, replicas } of answer.value) {
      for (const { topic: name, partition, sizeBytes, isFuture } of replicas) {
        if (name !== topic || isFuture) continue;
        const key = `${broker} ${partition}`;
        seen.add(key);
        const grown = sizeBytes - (sizes.get(key) ?? 0);
        sizes.set(key, sizeBytes);
        if (isFirst || grown <= 0 || following.has(key)) continue;
        const leader = leaders.get(partition);
        add(`received ${broker}`, grown);
        add(`sent ${leader}`, grown);
        if (sizeBytes + followsBytes >= (sizes.get(`${leader} ${partition}`) ?? 0)) following.add(key);
      }
    }
    // A replica that went away begins from nothing when it comes back.
    for (const key of sizes.keys()) if (!seen.has(key)) sizes.delete(key);
    isFirst = false;
    samples.push({ atMs: performance.now(), gained: new Map(gained) });
  };
  await look();
  let isOn = true;
  const looking = (async () => {
    while (isOn) {
      await new Promise((done) => setTimeout(done, sampleMs));
      await look();
    }
  })();
  return {
    begin: (given) => {
      leaders = given;
      following = new Set(sizes.keys());
      gained = new Map();
      samples = samples.slice(-1).map(({ atMs }) => ({ atMs, gained: new Map() }));
    },
    gains: () =>
      [...gained].map(([key, all]): Gain => {
        const [direction, id] = key.split(' ') as [Gain['direction'], string];
        const series = samples.map(({ atMs, gained: then }) => ({ atMs, bytes: then.get(key) ?? 0 }));
        const from = series.findLast(({ bytes }) => bytes <= edge * all) ?? series[0]!;
        const to = series.find(({ bytes }) => bytes >= (1 - edge) * all)!;
        const seconds = (to.atMs - from.atMs) / 1000;
        const bytes = to.bytes - from.bytes;
        return { broker: Number(id), direction, bytes, seconds, rate: seconds > 0 ? bytes / seconds : 0 };
      }),
    stop: async () => {
      isOn = false;
      await looking;
      await close();
    },
  };
}
