import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseProperties, renderProperties } from '../../src/settings/index.ts';

test('comments, the three separators, joined lines and escapes are read as Java reads them', () => {
  const text = '# c\n! c\na=1\nb : 2\nc 3\nd=x\\\n   y\ne\\ f=\\u0041\\n\nempty\n=odd\n';
  const { properties, problems } = parseProperties(text);
  expect(properties).toEqual([
    { key: 'a', value: '1', line: 3 },
    { key: 'b', value: '2', line: 4 },
    { key: 'c', value: '3', line: 5 },
    { key: 'd', value: 'xy', line: 6 },
    { key: 'e f', value: 'A\n', line: 8 },
    { key: 'empty', value: '', line: 9 },
  ]);
  expect(problems).toMatchObject([{ line: 10, severity: 'error' }]);
});

test('whatever is rendered is read back', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.string()), (wanted) => {
      const { properties } = parseProperties(renderProperties(wanted));
      expect(Object.fromEntries(properties.map(({ key, value }) => [key, value]))).toEqual({ ...wanted });
    }),
  );
});
