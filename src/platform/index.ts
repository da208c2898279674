/**
 * The real world behind the types of `base/`: clock, randomness, disk, sockets, logger, the health and metrics
 * endpoint, and the signals that stop a process. Entry points (`cli/`) pick it and hand it down; nobody else imports it.
 */
export { systemClock } from './clock.ts';
export { nodeDisk } from './disk.ts';
export { type Health, type HealthServer, serveHealth } from './health.ts';
export { type HostsFile, hostsFileOf } from './hosts-file.ts';
export { createLogger } from './logger.ts';
export { heapLimitBytes } from './memory.ts';
export { nodeNetwork } from './network.ts';
export { compileAtOnceOnOneCore } from './one-core.ts';
export { podListenAddress } from './pod-ports.ts';
export { systemRandom } from './random.ts';
export { runUntilStopped } from './signals.ts';
