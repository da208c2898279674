import type { Live } from './live.ts';
import type { Latencies, Linger, Phase, Producer } from './load.ts';

/** Of all records between moves, and of all during moves of a kind; then each rest and each move, in order. */
export type Produced = {
  readonly still: Latencies;
  readonly moving: readonly Moving[];
  readonly phases: readonly Omit<Phase, 'windows'>[];
};

type Moving = Latencies & Moves & { /** Of this p99 to the one between moves. */ readonly ratio: number };

export const tools = ['hikube-kafka plan', 'kafka-reassign-partitions'] as const;
export type Tool = (typeof tools)[number];

/** What moved partitions, or leaders, and the kind of the windows that it did so in. */
export type Moves = {
  readonly by: Tool | 'changes of leaders alone';
  /** Bytes per second; 0 where nothing is copied. */
  readonly throttle: number;
  /** Changes of leaders that there were. */
  readonly leaders?: number;
  readonly kind: string;
};

/** Phases that are neither rest nor a move. */
const asides: readonly string[] = ['warm-up', 'between', 'end'];

/** What producers saw by how long they let their records linger: at rest (`still`), and during these moves. */
export async function produced(
  { load: { by } }: Live,
  moves: readonly Moves[],
): Promise<Readonly<Record<Linger, Produced>>> {
  return { asClientsCome: await seenBy(by.asClientsCome, moves), nothing: await seenBy(by.nothing, moves) };
}

async function seenBy(producer: Producer, moves: readonly Moves[]): Promise<Produced> {
  const atRest = await producer.latencies('still');
  const moving: Moving[] = [];
  for (const each of moves) {
    const latencies = await producer.latencies(each.kind);
    moving.push({ ...each, ratio: latencies.p99 / atRest.p99, ...latencies });
  }
  const phases = (await producer.phases()).filter(({ kind }) => !asides.includes(kind));
  return { still: atRest, moving, phases: phases.map(({ windows: _, ...phase }) => phase) };
}
