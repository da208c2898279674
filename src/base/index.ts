/**
 * The words that every other folder uses: branded ids and units, assertions, and the *types* of the outside world
 * (clock, randomness, disk, logger). No implementation of the outside world lives here: see `platform/` for the real
 * one and the simulators under `test/` for others. Imports nothing.
 */
export { assert, unreachable } from './assert.ts';
export type { Brand, BrokerId, Epoch, Offset } from './brand.ts';
export { brokerId, epoch, offset } from './brand.ts';
export type { Clock, Timer } from './clock.ts';
export type { Disk, DiskFile, OpenMode } from './disk.ts';
export type { Logger } from './logger.ts';
export type { Metric, MetricSource } from './metrics.ts';
export type { Address, Listener, Network } from './network.ts';
export type { Random } from './random.ts';
export { seededRandom } from './random.ts';
export type { Result } from './result.ts';
export { failure, success } from './result.ts';
