import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameSplitter } from '../../../src/protocol/zookeeper/index.ts';

const frameOf = (body: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
};

test('frames come out whole however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 }),
      (bodies, cuts) => {
        const stream = Buffer.concat(bodies.map((body) => frameOf(Buffer.from(body))));
        const splitter = new FrameSplitter(1000);
        const out: Buffer[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const end = at + cuts[turn % cuts.length]!;
          const problem = splitter.push(Buffer.from(stream.subarray(at, end)), (frame) => {
            out.push(Buffer.from(frame));
            return true;
          });
          expect(problem).toBeUndefined();
          at = end;
        }
        expect(out).toEqual(bodies.map((body) => Buffer.from(body)));
        expect(splitter.heldBytes).toBe(0);
      },
    ),
  );
});

test('a length over the limit or below zero ends the stream with a sentence', () => {
  for (const length of [1001, -1, 0x7fffffff, -0x80000000]) {
    const header = Buffer.alloc(4);
    header.writeInt32BE(length);
    const problem = new FrameSplitter(1000).push(header, () => true);
    expect(problem).toMatchObject({ kind: 'badFrameLength', lengthBytes: length, limitBytes: 1000 });
  }
});

test('a large announced length holds no more memory than what has arrived, within a factor of two', () => {
  const splitter = new FrameSplitter(1 << 30);
  const header = Buffer.alloc(4);
  header.writeInt32BE(1 << 29);
  splitter.push(header, () => true);
  for (let index = 0; index < 1000; index++) splitter.push(Buffer.alloc(1), () => true);
  expect(splitter.heldBytes).toBe(1004);
});

test('a refused frame stops the stream', () => {
  const stream = Buffer.concat([frameOf(Buffer.from('a')), frameOf(Buffer.from('b'))]);
  const seen: string[] = [];
  new FrameSplitter(10).push(stream, (frame) => {
    seen.push(frame.toString());
    return false;
  });
  expect(seen).toEqual(['a']);
});
