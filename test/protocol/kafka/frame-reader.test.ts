import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader } from '../../../src/protocol/kafka/index.ts';

const framed = (payload: Buffer): Buffer => {
  const size = Buffer.alloc(4);
  size.writeInt32BE(payload.length);
  return Buffer.concat([size, payload]);
};

test('frames come out whole and in order however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      (payloads, cuts) => {
        const sent = payloads.map((payload) => Buffer.from(payload));
        const stream = Buffer.concat(sent.map(framed));
        const reader = new FrameReader(1000);
        const received: Buffer[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = cuts[turn % cuts.length] as number;
          expect(reader.push(Buffer.from(stream.subarray(at, at + size)), (frame) => received.push(frame))).toBe(
            undefined,
          );
          at += size;
        }
        expect(received).toEqual(sent);
        expect(reader.pendingBytes).toBe(0);
      },
    ),
  );
});

test('a frame inside one chunk is a view of it', () => {
  const chunk = Buffer.concat([framed(Buffer.from('ab')), framed(Buffer.from('cd'))]);
  const frames: Buffer[] = [];
  new FrameReader(10).push(chunk, (frame) => frames.push(frame));
  chunk[4] = 0x7a;
  expect(frames.map(String)).toEqual(['zb', 'cd']);
});

test('a size beyond the limit breaks the stream for good', () => {
  const reader = new FrameReader(10);
  const problem = reader.push(Buffer.from([0, 0, 0, 11, 1]), () => expect.unreachable());
  expect(problem).toEqual({ kind: 'badFrameSize', sizeBytes: 11, limitBytes: 10 });
  expect(reader.push(framed(Buffer.from('ab')), () => expect.unreachable())).toBe(problem);
});

test('a negative size breaks the stream, also when it comes byte by byte', () => {
  const reader = new FrameReader(10);
  for (const byte of [0xff, 0xff, 0xff]) expect(reader.push(Buffer.from([byte]), () => {})).toBe(undefined);
  expect(reader.push(Buffer.from([0xff]), () => {})).toMatchObject({ sizeBytes: -1 });
});

test('a large frame over many chunks is put together once', () => {
  const payload = Buffer.alloc(5_000_000, 'kafka');
  const stream = framed(payload);
  const reader = new FrameReader(10_000_000);
  const frames: Buffer[] = [];
  for (let at = 0; at < stream.length; at += 65_536) {
    reader.push(stream.subarray(at, at + 65_536), (frame) => frames.push(frame));
  }
  expect(frames).toHaveLength(1);
  expect(frames[0]?.equals(payload)).toBe(true);
});

test('an announced frame costs little before its bytes have come', () => {
  const reader = new FrameReader(100_000_000);
  const head = Buffer.alloc(5);
  head.writeInt32BE(100_000_000);
  const before = process.memoryUsage().arrayBuffers;
  reader.push(head, () => {});
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
  expect(reader.pendingBytes).toBe(1);
});
