import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { classPathOf, type Original } from '../originals.ts';

export type Echoed =
  | { readonly kind: 'echoed'; readonly hex: string; readonly json: unknown }
  /** This release of the original has no such message or version. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly why: string };

export type Spoken = { readonly name: string; readonly version: number; readonly bytes: Buffer };

/** Lets Apache Kafka's own classes read and write these messages; the answers are in the same order. */
export async function echoedByApache(original: Original, messages: readonly Spoken[]): Promise<Echoed[]> {
  const child = spawn('java', ['-cp', classPathOf(original), join(import.meta.dirname, 'Echo.java')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  child.stdin.end(messages.map(({ name, version, bytes }) => `${name} ${version} ${bytes.toString('hex')}\n`).join(''));
  const code = await promise;
  const lines = Buffer.concat(chunks)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  if (code !== 0 || lines.length !== messages.length) {
    throw new Error(`java ended with ${code} after ${lines.length} of ${messages.length} messages`);
  }
  return lines.map(parsed);
}

function parsed(line: string): Echoed {
  const [, , word = '', ...rest] = line.split(' ');
  if (word === 'absent') return { kind: 'absent' };
  if (word === 'failed') return { kind: 'failed', why: rest.join(' ') };
  return { kind: 'echoed', hex: word, json: JSON.parse(rest.join(' ')) };
}
