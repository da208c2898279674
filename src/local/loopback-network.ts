import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type Address, failure, type Result, success } from '../base/index.ts';

/** Instances hold this port on the first address of their network, so that no two of them share addresses. */
const claimPort = 10_250;
/** 127.0 to 127.15 are left to the machine and to other programs. */
const networkRange = { from: 16, to: 250 };
/** Where only 127.0.0.1 exists: below the ports that systems give to outgoing connections, a block for each instance. */
const firstBlockPort = 20_000;
const blockPorts = 300;
const singleRange = { from: networkRange.from, to: networkRange.from + 39 };
const onlyAddress = '127.0.0.1';

/**
 * The addresses `127.<number>.*.*` as long as it is held. Where the machine has only one of them, they are names that
 * nothing is bound to, and ports of that one stand for their ports.
 */
export interface LoopbackNetwork {
  readonly number: number;
  /** For the addresses of Services, in the form that the API server takes. */
  readonly serviceRange: string;
  /** Of the simulated node with this number, from 1. */
  nodeAddress(number: number): string;
  /** For the operator's own endpoints. */
  readonly operatorAddress: string;
  /** Ports of 127.0.0.1 to stand for those of pods and Services; undefined: the addresses exist. */
  readonly freePorts: readonly number[] | undefined;
  release(): Promise<void>;
}

/**
 * Takes a network for the instance with this data folder: the one it had before, since addresses are stored in the
 * cluster's objects; a new one, chosen by the folder's path, the first time.
 *
 * @param options.singleAddress  to go without other addresses than 127.0.0.1 even where the machine has them
 */
export async function claimNetwork(
  folder: string,
  { singleAddress = false }: { readonly singleAddress?: boolean } = {},
): Promise<Result<LoopbackNetwork, string>> {
  const isSingle = singleAddress || !(await canBind(`127.${networkRange.from}.0.1`));
  const range = isSingle ? singleRange : networkRange;
  const claimOf = (number: number): Address =>
    isSingle
      ? { host: onlyAddress, port: firstBlockPort + (number - range.from) * blockPorts }
      : { host: `127.${number}.0.1`, port: claimPort };
  const taken = async (number: number, server: Server): Promise<LoopbackNetwork> =>
    networkOf(number, server, isSingle ? await freeAfter(claimOf(number)) : undefined);

  const file = join(folder, 'network');
  const stored = storedNumber(file, range);
  if (stored !== undefined) {
    const claim = claimOf(stored);
    const server = await hold(claim);
    if (server.ok) return success(await taken(stored, server.value));
    // Another program may have the one port that all of a block hangs on; then another block does as well.
    if (!isSingle)
      return failure(
        server.problem === 'EADDRINUSE'
          ? `the addresses 127.${stored}.*.* of ${folder} are in use by another instance (port ${claimPort} of 127.${stored}.0.1): stop that one first`
          : unusable(claim, server.problem),
      );
  }
  const size = range.to - range.from + 1;
  const start = createHash('sha256').update(folder).digest().readUInt32BE(0) % size;
  for (let step = 0; step < size; step++) {
    const number = range.from + ((start + step) % size);
    const server = await hold(claimOf(number));
    if (server.ok) {
      writeFileSync(file, `${number}\n`);
      return success(await taken(number, server.value));
    }
    if (server.problem !== 'EADDRINUSE') return failure(unusable(claimOf(number), server.problem));
  }
  return failure(
    isSingle
      ? `all blocks of ports of ${onlyAddress} from ${firstBlockPort} on are in use by other instances or programs`
      : `all networks 127.${range.from} to 127.${range.to} are in use by other instances`,
  );
}

const unusable = ({ host, port }: Address, code: string): string =>
  `port ${port} of ${host} cannot be used (${code}): pods of the local Kubernetes listen on loopback addresses`;

/** Whether the machine has the address at all. */
async function canBind(host: string): Promise<boolean> {
  const server = await hold({ host, port: 0 });
  if (server.ok) server.value.close();
  return server.ok || server.problem !== 'EADDRNOTAVAIL';
}

/** The rest of the block of a claim, without what other programs listen on. */
async function freeAfter({ host, port: claim }: Address): Promise<number[]> {
  const free: number[] = [];
  for (let port = claim + 1; port < claim + blockPorts; port++) {
    const server = await hold({ host, port });
    if (!server.ok) continue;
    await new Promise((closed) => server.value.close(closed));
    free.push(port);
  }
  return free;
}

function storedNumber(file: string, range: { readonly from: number; readonly to: number }): number | undefined {
  try {
    const number = Number(readFileSync(file, 'utf8').trim());
    return Number.isInteger(number) && number >= range.from && number <= range.to ? number : undefined;
  } catch {
    return undefined;
  }
}

function hold(address: Address): Promise<Result<Server, string>> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(failure(error.code ?? error.message)));
    server.listen({ ...address }, () => {
      server.unref();
      resolve(success(server));
    });
  });
}

function networkOf(number: number, server: Server, freePorts: readonly number[] | undefined): LoopbackNetwork {
  return {
    number,
    serviceRange: `127.${number}.128.0/18`,
    operatorAddress: freePorts === undefined ? `127.${number}.0.2` : onlyAddress,
    freePorts,
    nodeAddress: (node) => `127.${number}.0.${10 + node}`,
    release: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
