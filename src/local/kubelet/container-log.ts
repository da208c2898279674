import { createWriteStream, existsSync, mkdirSync, openSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A log of this size is renamed to `.1` (replacing the one before) and a new one is begun. */
const rotateAtBytes = 10 * 1024 * 1024;
/** A longer line is written in pieces, each marked partial (`P`) but the last (`F`). */
const pieceLimitBytes = 16 * 1024;
const readChunkBytes = 64 * 1024;

/**
 * Log lines as container runtimes keep them: `<RFC 3339 time> stdout|stderr F|P <text>`.
 *
 * Source: Kubernetes' CRI logging format.
 */
export interface LogWriter {
  /** @returns false when the disk is behind: stop reading the process's output until `onDrain` is called. */
  write(stream: 'stdout' | 'stderr', chunk: Buffer): boolean;
  onDrain(call: () => void): void;
  /** Writes what is left of an unfinished line; resolves when all is in the file. */
  end(): Promise<void>;
}

export function createLogWriter(path: string, nowMs: () => number, onAppend: () => void): LogWriter {
  mkdirSync(dirname(path), { recursive: true });
  // Opened at once: a rename for rotation must find the file.
  const openFile = (): WriteStream => createWriteStream(path, { fd: openSync(path, 'a') });
  let file = openFile();
  let sizeBytes = existsSync(path) ? statSync(path).size : 0;
  const unfinished = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const drainCalls: (() => void)[] = [];
  const attach = (): void => {
    file.on('drain', () => {
      for (const call of drainCalls) call();
    });
    // A full disk must not end the kubelet; the lines are lost.
    file.on('error', () => {});
  };
  attach();

  function append(stream: 'stdout' | 'stderr', tag: 'F' | 'P', text: Buffer): boolean {
    const head = Buffer.from(`${new Date(nowMs()).toISOString()} ${stream} ${tag} `);
    const line = Buffer.concat([head, text, newline]);
    if (sizeBytes + line.length > rotateAtBytes && sizeBytes > 0) {
      file.end();
      renameSync(path, `${path}.1`);
      file = openFile();
      attach();
      sizeBytes = 0;
    }
    sizeBytes += line.length;
    return file.write(line);
  }

  return {
    write(stream, chunk) {
      let keepsUp = true;
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        const line = Buffer.concat([...unfinished[stream], chunk.subarray(from, end)]);
        unfinished[stream] = [];
        keepsUp = append(stream, 'F', line);
        from = end + 1;
      }
      if (from < chunk.length) unfinished[stream].push(chunk.subarray(from));
      const pending = Buffer.concat(unfinished[stream]);
      unfinished[stream] = [pending];
      if (pending.length >= pieceLimitBytes) {
        keepsUp = append(stream, 'P', pending);
        unfinished[stream] = [];
      }
      onAppend();
      return keepsUp;
    },
    onDrain(call) {
      drainCalls.push(call);
    },
    async end() {
      for (const stream of ['stdout', 'stderr'] as const) {
        const rest = Buffer.concat(unfinished[stream]);
        if (rest.length > 0) append(stream, 'F', rest);
        unfinished[stream] = [];
      }
      await new Promise<void>((resolve) => file.end(resolve));
      onAppend();
    },
  };
}

const newline = Buffer.from('\n');

export type LogOptions = {
  readonly follow?: boolean | undefined;
  readonly tailLines?: number | undefined;
  readonly timestamps?: boolean | undefined;
  /** Lines of this time and later, in milliseconds since 1970. */
  readonly sinceMs?: number | undefined;
  readonly limitBytes?: number | undefined;
};

/**
 * Reads a container's log as `kubectl logs` shows it.
 *
 * @param source.appended  resolves at the next append
 * @param source.isOver    whether nothing will be appended any more
 */
export async function* readLog(
  source: { readonly path: string; appended(): Promise<void>; isOver(): boolean },
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let leftBytes = options.limitBytes ?? Number.POSITIVE_INFINITY;
  const show = function* (lines: readonly string[]): Generator<Buffer> {
    for (const line of lines) {
      const out = Buffer.from(shown(line, options));
      if (out.length === 0) continue;
      yield out.subarray(0, Math.min(out.length, leftBytes));
      leftBytes -= out.length;
      if (leftBytes <= 0) return;
    }
  };
  const older = existsSync(`${source.path}.1`) ? await linesFrom(`${source.path}.1`, 0) : undefined;
  let current = await linesFrom(source.path, 0);
  const all = [...(older?.lines ?? []), ...current.lines];
  const selected = all.filter(
    (line) => options.sinceMs === undefined || Date.parse(line.slice(0, 24)) >= options.sinceMs,
  );
  yield* show(options.tailLines === undefined ? selected : lastLines(selected, options.tailLines));
  while (options.follow === true && leftBytes > 0 && !signal.aborted) {
    const isOver = source.isOver();
    const appended = source.appended();
    // After a rotation the file is shorter than what was read of it.
    const sizeBytes = existsSync(source.path) ? statSync(source.path).size : 0;
    const next = await linesFrom(source.path, sizeBytes < current.offset ? 0 : current.offset);
    current = next;
    yield* show(next.lines);
    if (next.lines.length > 0) continue;
    if (isOver) return;
    await Promise.race([appended, aborted(signal)]);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** The last so many lines as a reader counts them: pieces of one line are one. */
function lastLines(lines: readonly string[], count: number): readonly string[] {
  let from = lines.length;
  for (let left = count; left > 0 && from > 0; left--) {
    from--;
    while (from > 0 && tagOf(lines[from - 1] as string) === 'P') from--;
  }
  return lines.slice(from);
}

const tagOf = (line: string): string | undefined => line.split(' ', 3)[2];

function shown(line: string, options: LogOptions): string {
  const match = /^(\S+) (?:stdout|stderr) ([FP]) ([\s\S]*)$/.exec(line);
  if (match === null) return '';
  const [, time, tag, text] = match;
  return `${options.timestamps === true ? `${time} ` : ''}${text}${tag === 'F' ? '\n' : ''}`;
}

/** Whole lines from an offset on, and the offset after the last of them. */
async function linesFrom(path: string, offset: number): Promise<{ readonly lines: string[]; readonly offset: number }> {
  if (!existsSync(path)) return { lines: [], offset: 0 };
  const file = await open(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let position = offset;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(readChunkBytes), 0, readChunkBytes, position);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    const bytes = Buffer.concat(chunks);
    const end = bytes.lastIndexOf(10);
    if (end < 0) return { lines: [], offset };
    return { lines: bytes.subarray(0, end).toString('utf8').split('\n'), offset: offset + end + 1 };
  } finally {
    await file.close();
  }
}
