import { bytes, duration } from './render.ts';

/** How an execution stands. */
export type Progress = {
  /** Partitions (and replicas that change their disk) that are where the plan wants them. */
  readonly done: number;
  readonly total: number;
  /** Of these and of unfinished copies. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** By this run; an earlier one may have moved the rest. */
  readonly bytesMoved: number;
  readonly elapsedMs: number;
};

const cells = 30;
const leastColumns = 80;

export type ProgressWriter = {
  readonly progress: (progress: Progress) => void;
  /** A sentence on a line of its own, once, however often it is said in a row. */
  readonly notice: (sentence: string) => void;
};

/** A bar on stderr: redrawn on a terminal, a new line at each tenth and with each partition that ends elsewhere. */
export function progressWriter(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write' | 'columns'>): ProgressWriter {
  let last = '';
  let lastNotice = '';
  let isOpen = false;
  return {
    progress: (progress) => {
      const line = lineOf(progress);
      const { done, total } = progress;
      if (stream.isTTY) {
        isOpen = done < total;
        // A line that wraps could not be drawn over.
        const shown = isOpen ? line.slice(0, (stream.columns ?? leastColumns) - 1) : line;
        stream.write(`\r\x1b[K${shown}${isOpen ? '' : '\n'}`);
        return;
      }
      const mark = `${done} ${Math.floor(partOf(progress) * 10)}`;
      if (mark === last) return;
      last = mark;
      stream.write(`${line}\n`);
    },
    notice: (sentence) => {
      if (sentence === lastNotice) return;
      lastNotice = sentence;
      stream.write(`${isOpen ? '\r\x1b[K' : ''}${sentence}\n`);
    },
  };
}

const partOf = ({ done, total, bytesDone, bytesTotal }: Progress): number =>
  Math.min(1, bytesTotal > 0 ? bytesDone / bytesTotal : done / Math.max(1, total));

function lineOf(progress: Progress): string {
  const { done, total, bytesDone, bytesTotal, bytesMoved, elapsedMs } = progress;
  const part = partOf(progress);
  const filled = Math.floor(part * cells);
  const seconds = elapsedMs / 1000;
  const rate = bytesMoved / seconds;
  const parts = [
    `[${'#'.repeat(filled)}${'.'.repeat(cells - filled)}] ${done}/${total} partitions`,
    `${bytes(Math.min(bytesDone, bytesTotal))} of ${bytes(bytesTotal)}`,
    duration(seconds),
  ];
  if (bytesMoved > 0 && done < total) {
    parts.push(`${bytes(rate)}/s`, `${duration(Math.max(0, bytesTotal - bytesDone) / rate)} left`);
  }
  return parts.join(', ');
}
