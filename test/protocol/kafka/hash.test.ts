import { expect, test } from 'vitest';
import { coordinatorPartition, javaHashCode, murmur2, partitionForKey } from '../../../src/protocol/kafka/index.ts';

test('strings hash as in Java, over UTF-16 units', () => {
  expect(javaHashCode('')).toBe(0);
  expect(javaHashCode('foo')).toBe(101574);
  expect(javaHashCode('console-consumer-12345')).toBe(
    [...'console-consumer-12345'].reduce((hash, letter) => (Math.imul(31, hash) + letter.charCodeAt(0)) | 0, 0),
  );
  expect(javaHashCode('😀')).toBe(1772899);
});

test('a negative hash still gives a partition in range', () => {
  expect(javaHashCode('polygenelubricants')).toBe(-2147483648);
  expect(coordinatorPartition('polygenelubricants', 50)).toBe(0);
});

test('murmur2 gives the values of the Java client', () => {
  const known: Record<string, number> = {
    '21': -973932308,
    foobar: -790332482,
    'a-little-bit-long-string': -985981536,
    'a-little-bit-longer-string': -1486304829,
    lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
    abc: 479470107,
  };
  for (const [text, hash] of Object.entries(known)) expect(murmur2(Buffer.from(text))).toBe(hash);
  expect(partitionForKey(Buffer.from('21'), 10)).toBe((-973932308 & 0x7fffffff) % 10);
});
