import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Live } from './live.ts';
import { sleep } from './load.ts';

/** A replica list as in Apache's reassignment files. */
export type Assigned = { readonly topic: string; readonly partition: number; readonly replicas: readonly number[] };

/** Runs `kafka-reassign-partitions` on a file with these. @returns what it printed */
export function reassignByApache(
  { folder, cluster }: Live,
  partitions: readonly Assigned[],
  ...args: readonly string[]
): string {
  const file = join(folder, 'reassignment.json');
  writeFileSync(file, JSON.stringify({ version: 1, partitions }));
  const { output } = cluster.tool(
    'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
    ...['--bootstrap-server', cluster.bootstrap, '--reassignment-json-file', file, ...args],
  );
  return output;
}

/** What `plan add --brokers 4` would move, there and back. */
export async function assignedByAdd(live: Live): Promise<{ readonly there: Assigned[]; readonly back: Assigned[] }> {
  const { stdout } = await live.step('add, to be moved by Apache', ['add', '--brokers', '4', '--output', 'kafka']);
  const { partitions: there } = JSON.parse(stdout) as { readonly partitions: Assigned[] };
  const before = await live.replicas();
  return { there, back: there.map((one) => ({ ...one, replicas: before.get(one.partition)! })) };
}

/**
 * Moves by Apache's own tool under its own throttle, which it then takes away.
 *
 * @param throttle  bytes per second
 * @param onMoving  told when copies run and when they do not
 */
export async function moveByApache(
  live: Live,
  assigned: readonly Assigned[],
  throttle: number,
  onMoving: (isMoving: boolean) => void,
): Promise<void> {
  const output = reassignByApache(live, assigned, '--execute', '--throttle', String(throttle));
  if (!output.includes('Successfully started')) throw new Error(`Apache's tool moved nothing: ${output}`);
  onMoving(true);
  for (let isMoving = true; isMoving; isMoving = await live.isMoving()) await sleep(1000);
  onMoving(false);
  // Takes the throttle away.
  reassignByApache(live, assigned, '--verify');
}
