import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantityValue, resourceRequirements, resourcesPresets } from '../../src/api/index.ts';
import { bytesQuantity, coresQuantity } from '../../src/api/quantity.ts';

test('there are 47 presets: five families of eight sizes, and seven older names', () => {
  expect(new Set(resourcesPresets).size).toBe(47);
});

test.each([
  ['nano', '250m', '128Mi'],
  ['small', '1', '512Mi'],
  ['medium', '1', '1Gi'],
  ['large', '2', '2Gi'],
  ['2xlarge', '8', '8Gi'],
  ['t1.nano', '250m', '128Mi'],
  ['c1.small', '1', '1Gi'],
  ['m1.4xlarge', '32', '256Gi'],
] as const)('%s is %s of CPU and %s of memory', (preset, cpu, memory) => {
  expect(resourceRequirements(preset).limits).toEqual({ cpu, memory, 'ephemeral-storage': '2Gi' });
});

test('requests are limits divided by the platform’s ratios', () => {
  expect(resourceRequirements('small').requests).toEqual({
    cpu: '100m',
    memory: '512Mi',
    'ephemeral-storage': '53687091',
  });
  expect(resourceRequirements('nano').requests.cpu).toBe('25m');
});

test('resources go over the preset key by key', () => {
  expect(resourceRequirements('small', { memory: '3Gi' }).limits).toMatchObject({ cpu: '1', memory: '3Gi' });
  expect(resourceRequirements('small', { cpu: '1500m' })).toMatchObject({
    limits: { cpu: '1500m', memory: '512Mi' },
    requests: { cpu: '150m' },
  });
});

test('quantities say what they were made from', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 52 }), (bytes) => quantityValue(bytesQuantity(bytes)) === bytes),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 7 }), (thousandths) => {
      expect(Math.round(quantityValue(coresQuantity(thousandths / 1000)) * 1000)).toBe(thousandths);
    }),
  );
  expect(quantityValue('1e3')).toBe(1000);
  expect(quantityValue('.5')).toBe(0.5);
  expect(quantityValue('1.5Gi')).toBe(1.5 * 2 ** 30);
});
