import type { ClientPlatform } from '../../../src/client/kafka/index.ts';
import { nodeNetwork, systemClock, systemRandom } from '../../../src/platform/index.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Real sockets, the real clock; nothing is logged. */
export const realPlatform = (): ClientPlatform => ({
  network: nodeNetwork({}),
  clock: systemClock,
  random: systemRandom(),
  logger: silent,
});
