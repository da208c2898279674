import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Live } from './live.ts';
import { sleep } from './load.ts';

/** A replica list as in Apache's reassignment files. */
type Assigned = { readonly topic: string; readonly partition: number; readonly replicas: readonly number[] };

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

/**
 * What `plan add --brokers 4` would move, moved there, or there and back, by Apache's own tool under its own throttle.
 *
 * @param onMoving  told when copies run and when they do not
 */
export async function moveByApache(
  live: Live,
  { throttle, isMovedBack }: { readonly throttle: number; readonly isMovedBack: boolean },
  onMoving: (isMoving: boolean) => void,
): Promise<void> {
  const { stdout } = await live.step('add, to be moved by Apache', ['add', '--brokers', '4', '--output', 'kafka']);
  const { partitions } = JSON.parse(stdout) as { readonly partitions: readonly Assigned[] };
  const before = await live.replicas();
  const back = partitions.map((one) => ({ ...one, replicas: before.get(one.partition)! }));
  for (const there of isMovedBack ? [partitions, back] : [partitions]) {
    const output = reassignByApache(live, there, '--execute', '--throttle', String(throttle));
    if (!output.includes('Successfully started')) throw new Error(`Apache's tool moved nothing: ${output}`);
    onMoving(true);
    for (let isMoving = true; isMoving; isMoving = await live.isMoving()) await sleep(1000);
    onMoving(false);
    // Takes the throttle away.
    reassignByApache(live, there, '--verify');
    await sleep(5000);
  }
}
