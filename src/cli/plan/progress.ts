import { bytes, duration } from './render.ts';

/** How an execution stands; bytes are those of finished changes. */
export type Progress = {
  readonly done: number;
  readonly total: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly batch: number;
  readonly batches: number;
  readonly elapsedMs: number;
};

const cells = 30;

/** One line on stderr: redrawn on a terminal, a new line at each tenth elsewhere. */
export function progressWriter(stream: NodeJS.WriteStream): (progress: Progress) => void {
  let lastTenth = -1;
  return ({ done, total, bytesDone, bytesTotal, batch, batches, elapsedMs }) => {
    const part = bytesTotal > 0 ? bytesDone / bytesTotal : done / Math.max(1, total);
    const filled = Math.round(part * cells);
    const left = part > 0.01 && part < 1 ? `, ${duration((elapsedMs / 1000) * (1 / part - 1))} left` : '';
    const line = `[${'#'.repeat(filled)}${'.'.repeat(cells - filled)}] ${done}/${total} partitions, ${bytes(bytesDone)} of ${bytes(bytesTotal)}, batch ${batch}/${batches}, ${duration(elapsedMs / 1000)}${left}`;
    if (stream.isTTY) stream.write(`\r\x1b[K${line}${done === total ? '\n' : ''}`);
    else {
      const tenth = Math.floor(part * 10);
      if (tenth === lastTenth && done !== total) return;
      lastTenth = tenth;
      stream.write(`${line}\n`);
    }
  };
}
