import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decompress } from '../../src/log/index.ts';

const limit = 1 << 20;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('every codec gives back what went in', () => {
  const plain = Buffer.from('abcabcabcabcabcabc, and then something else');
  expect(decompress('gzip', gzipSync(plain), limit)).toEqual(plain);
  expect(decompress('zstd', zstdCompressSync(plain), limit)).toEqual(plain);
  // length 12, literal "abc", copy 9 bytes from 3 back
  const block = hex('0c 08 616263 15 03');
  expect(decompress('snappy', block, limit)?.toString()).toBe('abcabcabcabc');
  const stream = Buffer.concat([hex('82534e4150505900 00000001 00000001 00000007'), block]);
  expect(decompress('snappy', stream, limit)?.toString()).toBe('abcabcabcabc');
  // one block: 3 literals, a match of 9 from 3 back, then 5 literals; then an uncompressed block
  const lz4 = hex('04224d18 60 40 82 0c000000 35 616263 0300 50 3132333435 03000080 787979 00000000');
  expect(decompress('lz4', lz4, limit)?.toString()).toBe('abcabcabcabc12345xyy');
});

test('output beyond the limit and copies from before the beginning are refused', () => {
  expect(decompress('gzip', gzipSync(Buffer.alloc(10_000)), 100)).toBeUndefined();
  expect(decompress('snappy', hex('0c 08 616263 15 03'), 5)).toBeUndefined();
  expect(decompress('snappy', hex('0c 08 616263 15 09'), limit)).toBeUndefined();
});

test('no bytes make a codec throw, hang or pass its limit', () => {
  fc.assert(
    fc.property(fc.constantFrom('gzip', 'snappy', 'lz4', 'zstd'), fc.uint8Array({ maxLength: 300 }), (codec, bytes) => {
      const lz4 = codec === 'lz4' ? Buffer.concat([hex('04224d18 60 40 82'), bytes]) : Buffer.from(bytes);
      expect(decompress(codec, lz4, 10_000)?.length ?? 0).toBeLessThanOrEqual(10_000);
    }),
    { numRuns: 2000 },
  );
});
