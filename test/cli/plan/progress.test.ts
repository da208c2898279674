import { expect, test } from 'vitest';
import { progressWriter } from '../../../src/cli/plan/progress.ts';

function written(isTTY: boolean) {
  let text = '';
  const write = (chunk: string | Uint8Array): boolean => {
    text += String(chunk);
    return true;
  };
  return { ...progressWriter({ isTTY, write } as NodeJS.WriteStream), text: () => text };
}

const at = (done: number, bytesDone: number) => ({
  ...{ done, total: 4, bytesDone, bytesTotal: 4e6, bytesMoved: bytesDone, elapsedMs: 1000 },
});

test('where there is no terminal a line is written for each tenth and each partition that ends', () => {
  const { progress, text } = written(false);
  for (const bytes of [0, 1e5, 2e5, 3e5, 1e6]) progress(at(bytes === 1e6 ? 1 : 0, bytes));
  progress(at(4, 4e6));
  expect(text().trim().split('\n')).toHaveLength(3);
  expect(text()).toContain('1/4 partitions, 976.6 KiB of 3.81 MiB, 1.0 s, 976.6 KiB/s, 3.0 s left');
});

test('a sentence that is said again and again is written once, and does not tear the bar', () => {
  const { progress, notice, text } = written(true);
  progress(at(1, 1e6));
  for (let said = 0; said < 5; said++) notice('waiting for broker 4');
  notice('broker 4 is back');
  expect(text().match(/waiting/g)).toHaveLength(1);
  expect(text()).toContain('\r\x1b[Kwaiting for broker 4\n');
});
