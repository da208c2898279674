import { loadavg, tmpdir } from 'node:os';
import { assignedByAdd } from './apache-move.ts';
import { type LiveOriginal, startLive, topic } from './live.ts';
import { type Linger, sleep } from './load.ts';
import { startMeter } from './meter.ts';
import { add, rehearse, remove } from './rehearsal.ts';
import { type Produced, produced, type Tool } from './seen.ts';
import { byApache, movedByApache, movedByPlan, movingAt, type Throttled } from './throttled.ts';

export type YoungResult = {
  readonly original: LiveOriginal;
  readonly by: Tool;
  readonly disksIn: string;
  readonly load: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly throttle: readonly Throttled[];
  readonly produceMs: Readonly<Record<Linger, Produced>>;
};

const partitionBytes = 4_000_000;
/** Bytes per second. */
const rate = 1_000_000;
const quietMs = 60_000;
const stillMs = 41_000;

/** On brokers some minutes old, which still compile what moves need: a broker added, then removed, by one tool. */
export async function onYoungBrokers(original: LiveOriginal, by: Tool): Promise<YoungResult> {
  const before = loadavg();
  const live = await startLive(original, partitionBytes, 'documented');
  const meter = await startMeter(live.cluster.bootstrap, [1, 2, 3, 4], topic);
  const still = async (): Promise<void> => {
    live.load.mark('still');
    await sleep(stillMs);
    live.load.mark('between');
  };
  try {
    await rehearse(live, { rounds: 6, rate: 8 * rate });
    await sleep(quietMs);
    const throttle: Throttled[] = [];
    if (by === 'hikube-kafka plan') {
      for (const move of [add, remove]) {
        await still();
        throttle.push(await movedByPlan(live, meter, move, rate));
      }
    } else {
      const { there, back } = await assignedByAdd(live);
      const moves = [
        { name: 'add', assigned: there },
        { name: 'remove', assigned: back },
      ];
      for (const move of moves) {
        await still();
        throttle.push(await movedByApache(live, meter, move, rate));
      }
    }
    await still();
    live.load.mark('end');
    const kind = by === 'hikube-kafka plan' ? movingAt(rate) : byApache;
    const produceMs = await produced(live, [{ by, throttle: rate, kind }]);
    return { original, by, disksIn: tmpdir(), load: { before, after: loadavg() }, throttle, produceMs };
  } finally {
    await meter.stop();
    await live.stop();
  }
}
