import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { failure, type Result, success } from '../base/index.ts';

/** Instances hold this port on the first address of their network, so that no two of them share addresses. */
const claimPort = 10_250;
/** 127.0 to 127.15 are left to the machine and to other programs. */
const networkRange = { from: 16, to: 250 };

/** The addresses `127.<number>.*.*` as long as it is held. */
export interface LoopbackNetwork {
  readonly number: number;
  /** For the addresses of Services, in the form that the API server takes. */
  readonly serviceRange: string;
  /** Of the simulated node with this number, from 1. */
  nodeAddress(number: number): string;
  /** For the operator's own endpoints. */
  readonly operatorAddress: string;
  release(): Promise<void>;
}

/**
 * Takes a network for the instance with this data folder: the one it had before, since addresses are stored in the
 * cluster's objects; a new one, chosen by the folder's path, the first time.
 */
export async function claimNetwork(folder: string): Promise<Result<LoopbackNetwork, string>> {
  const file = join(folder, 'network');
  const stored = storedNumber(file);
  if (stored !== undefined) {
    const server = await hold(stored);
    if (server.ok) return success(networkOf(stored, server.value));
    return failure(
      server.problem === 'EADDRINUSE'
        ? `the addresses 127.${stored}.*.* of ${folder} are in use by another instance (port ${claimPort} of 127.${stored}.0.1): stop that one first`
        : unusable(stored, server.problem),
    );
  }
  const size = networkRange.to - networkRange.from + 1;
  const start = createHash('sha256').update(folder).digest().readUInt32BE(0) % size;
  for (let step = 0; step < size; step++) {
    const number = networkRange.from + ((start + step) % size);
    const server = await hold(number);
    if (server.ok) {
      writeFileSync(file, `${number}\n`);
      return success(networkOf(number, server.value));
    }
    if (server.problem !== 'EADDRINUSE') return failure(unusable(number, server.problem));
  }
  return failure(`all networks 127.${networkRange.from} to 127.${networkRange.to} are in use by other instances`);
}

const unusable = (number: number, code: string): string =>
  `the address 127.${number}.0.1 cannot be used (${code}): the local Kubernetes gives each pod an address of its own in 127.0.0.0/8, which needs Linux; on macOS add the addresses to lo0 or run it in a Linux container`;

function storedNumber(file: string): number | undefined {
  try {
    const number = Number(readFileSync(file, 'utf8').trim());
    return Number.isInteger(number) && number >= networkRange.from && number <= networkRange.to ? number : undefined;
  } catch {
    return undefined;
  }
}

function hold(number: number): Promise<Result<Server, string>> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(failure(error.code ?? error.message)));
    server.listen({ host: `127.${number}.0.1`, port: claimPort }, () => {
      server.unref();
      resolve(success(server));
    });
  });
}

function networkOf(number: number, server: Server): LoopbackNetwork {
  return {
    number,
    serviceRange: `127.${number}.128.0/18`,
    operatorAddress: `127.${number}.0.2`,
    nodeAddress: (node) => `127.${number}.0.${10 + node}`,
    release: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
