import { randomBytes } from 'node:crypto';
import { type Random, seededRandom } from '../base/index.ts';

/** Chance seeded by the system; for jitter and election time-outs. Secrets and ids come from `node:crypto`. */
export function systemRandom(): Random {
  return seededRandom(randomBytes(4).readUInt32LE());
}
