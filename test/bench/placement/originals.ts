import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Model } from '../../../src/placement/model.ts';
import { nobody } from '../../../src/placement/model.ts';
import { classPathOf, type Original } from '../../support/originals.ts';
import type { Cost } from './measure.ts';

/** What Apache's class says, over the model's rows; `figures` has what a second call in the same process takes. */
export type Placed = { readonly target: Int32Array; readonly cost: Cost; readonly figures: Record<string, number> };

/** Java or Kafka's jars are not to be had: the row is missing, which is no result. */
export class MissingOriginal extends Error {}

/** `StripedReplicaPlacer.place`, topic by topic, as the KRaft controller calls it. */
export function striped(original: Original, model: Model, seed: number): Placed {
  return call('striped', original, model, seed);
}

/** `ReassignPartitionsCommand.calculateAssignment`: what `kafka-reassign-partitions --generate` calls for all topics. */
export function generated(original: Original, model: Model, seed: number): Placed {
  return call('generate', original, model, seed);
}

function call(what: 'striped' | 'generate', original: Original, model: Model, seed: number): Placed {
  const folder = mkdtempSync(join(tmpdir(), 'hikube-placement-originals-'));
  try {
    const classPath = compiled(original, folder);
    const instance = join(folder, 'instance.txt');
    const answer = join(folder, 'answer.bin');
    writeFileSync(instance, instanceText(model));
    const java = spawnSync(
      'java',
      ['-Xmx3g', '-XX:+UseSerialGC', '-cp', classPath, 'OriginalPlacement', what, String(seed), instance, answer],
      { encoding: 'utf8', maxBuffer: 1 << 24 },
    );
    if (java.status !== 0) throw new Error(`OriginalPlacement ${what} on ${original}: ${java.stderr.slice(-2000)}`);
    const { wallMs, cpuMs, rssMiB, againMs } = JSON.parse(java.stdout) as Cost & { readonly againMs: number };
    return { target: targetOf(model, readFileSync(answer)), cost: { wallMs, cpuMs, rssMiB }, figures: { againMs } };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Throws when Java or the jars are missing. @returns class path with the compiled program on it */
function compiled(original: Original, folder: string): string {
  let jars: string;
  try {
    execFileSync('javac', ['-version'], { stdio: 'ignore' });
    jars = classPathOf(original);
  } catch (error) {
    throw new MissingOriginal(`${original}: ${(error as Error).message}`);
  }
  const classes = join(folder, 'classes');
  if (!existsSync(classes)) mkdirSync(classes);
  const source = join(import.meta.dirname, 'OriginalPlacement.java');
  const javac = spawnSync('javac', ['-nowarn', '-d', classes, '-cp', jars, source], { encoding: 'utf8' });
  if (javac.status !== 0) throw new Error(`OriginalPlacement.java against ${original}: ${javac.stderr}`);
  return `${classes}:${jars}`;
}

/** Brokers (id, rack), then topics (name, partitions, replication factor), one a line. */
function instanceText(model: Model): string {
  const lines = [String(model.brokerIds.length)];
  for (const [broker, id] of model.brokerIds.entries()) lines.push(`${id} ${model.zoneNames[model.zoneOf[broker]!]}`);
  let row = 0;
  for (const [topic, name] of model.topicNames.entries()) {
    const first = row;
    while (row < model.topicOf.length && model.topicOf[row] === topic) row++;
    if (row > first) lines.push(`${name} ${row - first} ${model.factors[first]}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Broker ids as 32-bit numbers, partitions in the order of the instance. */
function targetOf(model: Model, answer: Buffer): Int32Array {
  const target = new Int32Array(model.replicas.length).fill(nobody);
  const indexOf = new Map(Array.from(model.brokerIds, (id, at) => [id, at]));
  let offset = 0;
  for (let row = 0; row < model.topicOf.length; row++) {
    for (let column = 0; column < model.factors[row]!; column++, offset += 4) {
      target[row * model.width + column] = indexOf.get(answer.readInt32BE(offset))!;
    }
  }
  if (offset !== answer.length) throw new Error(`an answer of ${answer.length} bytes, ${offset} were expected`);
  return target;
}
