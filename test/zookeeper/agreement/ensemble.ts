import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Disk, type DiskFile, type Logger, type Network, seededRandom } from '../../../src/base/index.ts';
import { nodeDisk, nodeNetwork, systemClock } from '../../../src/platform/index.ts';
import { type NodeId, nodeId } from '../../../src/quorum/index.ts';
import {
  type Agreement,
  type AgreementOptions,
  type AgreementRole,
  type CommittedEntry,
  type Member,
  type StateMachine,
  startAgreement,
} from '../../../src/zookeeper/agreement/index.ts';

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Remembers how many values it was given and a hash of all of them, in order. */
export class Register implements StateMachine {
  count = 0;
  hash = '';
  leaders = 0;
  last = '';
  restored = 0;
  /** Called within `apply`, after each value. */
  onValue: (count: number) => void = () => {};

  apply(entries: readonly CommittedEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'newLeader') {
        this.leaders++;
        continue;
      }
      this.count++;
      this.last = Buffer.from(entry.value).toString();
      this.hash = createHash('md5').update(this.hash).update(entry.value).digest('hex');
      this.onValue(this.count);
    }
  }

  snapshot(): Iterable<Uint8Array> {
    const state = Buffer.from(
      JSON.stringify({ count: this.count, hash: this.hash, last: this.last, filling: 'x'.repeat(300_000) }),
    );
    return Array.from({ length: Math.ceil(state.length / 1000) }, (_, at) =>
      state.subarray(at * 1000, at * 1000 + 1000),
    );
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const all: Uint8Array[] = [];
    for await (const piece of pieces) all.push(Buffer.from(piece));
    const { count, hash, last } = JSON.parse(Buffer.concat(all).toString());
    Object.assign(this, { count, hash, last });
    this.restored++;
  }
}

/** The real disk, until its process is "killed": then nothing gets to it any more. */
function mortalDisk(alive: () => boolean): Disk {
  const guard = (): void => {
    if (!alive()) throw new Error('the process is dead');
  };
  return new Proxy(nodeDisk, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        guard();
        const result = value.apply(target, args) as unknown;
        if (name !== 'open') return result;
        return new Proxy(result as DiskFile, {
          get(file, key) {
            const member = Reflect.get(file, key, file) as unknown;
            if (typeof member !== 'function') return member;
            return (...inner: unknown[]): unknown => {
              if (key !== 'close') guard();
              return member.apply(file, inner);
            };
          },
        });
      };
    },
  });
}

export type Server = {
  readonly id: NodeId;
  agreement: Agreement | undefined;
  register: Register;
  roles: AgreementRole[];
  told: string[];
  failures: Error[];
  alive: boolean;
};

/** Members in one process, on real sockets and a real folder each. */
export class Ensemble {
  readonly folder = mkdtempSync(join(tmpdir(), 'agreement-'));
  readonly servers = new Map<number, Server>();
  members: Member[] = [];
  readonly #options: Partial<AgreementOptions>;

  constructor(options: Partial<AgreementOptions> = {}) {
    this.#options = options;
  }

  /** Chooses free ports for members 1 to `count`. */
  async reserve(count: number): Promise<void> {
    for (let id = 1; id <= count; id++) {
      const listener = await nodeNetwork().listen({ host: '127.0.0.1', port: 0 }, () => {});
      this.members.push({ id: nodeId(id), address: listener.address });
      await listener.close();
    }
  }

  async start(id: number, initialVoters: readonly number[]): Promise<Server> {
    const member = this.members[id - 1] as Member;
    const server: Server = {
      id: member.id,
      agreement: undefined,
      register: new Register(),
      roles: [],
      told: [],
      failures: [],
      alive: true,
    };
    this.servers.set(id, server);
    const real = nodeNetwork();
    const sockets = new Set<{ destroy(): void }>();
    const network: Network = {
      connect: (address) => {
        const socket = real.connect(address);
        sockets.add(socket);
        return socket;
      },
      listen: (address, onConnection) => real.listen(address, onConnection),
    };
    server.agreement = await startAgreement({
      nodeId: member.id,
      clusterId: 'test',
      listen: member.address,
      peers: this.members,
      initialVoters: this.members.filter((each) => initialVoters.includes(each.id)),
      disk: mortalDisk(() => server.alive),
      folder: join(this.folder, String(id)),
      network,
      clock: systemClock,
      random: seededRandom(Math.floor(Math.random() * 2 ** 32)),
      logger: silent,
      stateMachine: server.register,
      onRole: (role) => server.roles.push(role),
      onTold: (from, bytes) => server.told.push(`${from}:${Buffer.from(bytes)}`),
      onFailure: (error) => server.failures.push(error),
      quorum: { fetchTimeoutMs: 500, electionTimeoutMs: 100, checkQuorumMs: 800, requestTimeoutMs: 400 },
      ...this.#options,
    });
    return server;
  }

  /** As `kill -9` would: nothing more reaches the disk, and nobody is told. */
  kill(id: number): void {
    const server = this.servers.get(id) as Server;
    server.alive = false;
    this.servers.delete(id);
    // Its next touch of the disk fails, which ends it.
    void server.agreement?.propose(Buffer.from('never'));
  }

  async leader(): Promise<Server> {
    return until('a leader', () =>
      [...this.servers.values()].find((server) => server.agreement?.role.kind === 'leader'),
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.servers.values()].map((server) => server.agreement?.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function until<Value>(
  what: string,
  find: () => Value | undefined | false,
  waitMs = 15_000,
): Promise<Value> {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const found = find();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function proposeAll(server: Server, values: readonly string[]): Promise<number> {
  const results = await Promise.all(values.map((value) => server.agreement?.propose(Buffer.from(value))));
  return results.filter((result) => result?.ok === true).length;
}
