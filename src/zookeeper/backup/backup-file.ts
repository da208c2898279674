import { createHash } from 'node:crypto';
import type { Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { Acl } from '../../protocol/zookeeper/index.ts';

/** One node of a backup; `data` undefined is ZooKeeper's null. */
export type SavedNode = { readonly path: string; readonly data: Buffer | undefined; readonly acl: readonly Acl[] };

const FORMAT = 'hikube-kafka zookeeper backup';
const VERSION = 1;

/**
 * A backup as text: a line of JSON that says what it is, one a node with parents first, and one that counts them and
 * holds the SHA-256 of all before it, so that half a file is not taken for a whole one.
 */
export function renderBackup(nodes: readonly SavedNode[], lastZxid: number, takenAt: Date): string {
  const head = JSON.stringify({ format: FORMAT, version: VERSION, lastZxid: `0x${lastZxid.toString(16)}`, takenAt });
  const lines = nodes.map(({ path, data, acl }) =>
    JSON.stringify({ path, ...(data === undefined ? {} : { data: data.toString('base64') }), acl }),
  );
  const text = `${[head, ...lines].join('\n')}\n`;
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `${text}${JSON.stringify({ nodes: nodes.length, sha256 })}\n`;
}

/** @returns a sentence that says what is wrong with the file */
export function parseBackup(text: string): Result<readonly SavedNode[], string> {
  const end = text.lastIndexOf('\n', text.length - 2) + 1;
  const content = text.slice(0, end);
  const lines = content.trimEnd().split('\n');
  const head = parsed(lines[0]);
  if (head?.format !== FORMAT) return failure('this is not a backup of ZooKeeper');
  if (head.version !== VERSION) return failure(`this backup has version ${head.version}; only ${VERSION} is known`);
  const tail = parsed(text.slice(end));
  if (typeof tail?.sha256 !== 'string') return failure('the backup is not whole: its last line is missing');
  if (tail.sha256 !== createHash('sha256').update(content).digest('hex')) {
    return failure('the backup is damaged: its content does not fit its checksum');
  }
  const nodes = lines.slice(1).map((line): SavedNode => {
    const { path, data, acl } = JSON.parse(line) as { path: string; data?: string; acl: Acl[] };
    return { path, data: data === undefined ? undefined : Buffer.from(data, 'base64'), acl };
  });
  return success(nodes);
}

function parsed(line: string | undefined): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line ?? '') as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
