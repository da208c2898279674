import { seededRandom } from '../../../src/base/index.ts';
import { ZooKeeperClient } from '../../../src/client/zookeeper/index.ts';
import { nodeNetwork, systemClock } from '../../../src/platform/index.ts';
import { silent } from '../zookeeper/client.ts';

const registerCount = 20;
const inFlight = 8;
/** Nodes that a writer leaves standing before it deletes its oldest. */
const keptNodes = 60;

/** What one writer's nodes may be after a power cut. */
type Register = { sent: number; acknowledged: number };

/**
 * Writes to nodes of its own: registers whose values count up, and nodes that are made and deleted. It remembers what was
 * acknowledged before the power went; whatever else it had asked for may have happened or not.
 */
export class Writer {
  readonly folder: string;
  readonly #addresses: readonly { readonly host: string; readonly port: number }[];
  readonly #registers: Register[] = Array.from({ length: registerCount }, () => ({ sent: 0, acknowledged: 0 }));
  /** Made and acknowledged, deletion not asked for. */
  readonly #there = new Set<string>();
  /** Deleted and acknowledged. */
  readonly #gone = new Set<string>();
  #serial = 0;
  #client: ZooKeeperClient | undefined;
  /** Answers that come after the power went say nothing. */
  #counts = false;
  acknowledged = 0;

  constructor(index: number, addresses: readonly { readonly host: string; readonly port: number }[]) {
    this.folder = `/w${index}`;
    this.#addresses = addresses;
  }

  /** Opens a session and makes what is not there yet. */
  async open(seed: number): Promise<void> {
    const deps = { network: nodeNetwork({}), clock: systemClock, random: seededRandom(seed), logger: silent };
    this.#client = new ZooKeeperClient({ servers: this.#addresses, sessionTimeoutMs: 6000 }, deps);
    await this.#client.connected();
    const paths = [this.folder, ...this.#registers.map((_, at) => `${this.folder}/r${at}`)];
    for (const path of paths) {
      const made = await this.#client.create(path, Buffer.from('0'));
      if (!made.ok && made.problem.kind !== 'nodeExists') throw new Error(`${path}: ${made.problem.sentence}`);
    }
    this.#counts = true;
  }

  /** Until the connection ends or `stop` is called. */
  async write(): Promise<void> {
    await Promise.all(Array.from({ length: inFlight }, (_, at) => this.#lane(at)));
  }

  async #lane(lane: number): Promise<void> {
    const client = this.#client as ZooKeeperClient;
    for (let turn = 0; this.#counts; turn++) {
      const going = turn % 4 === 3 ? await this.#makeOrDelete(client) : await this.#countUp(client, lane, turn);
      if (!going) return;
    }
  }

  /** Each lane has registers of its own, so that they are written in order. */
  async #countUp(client: ZooKeeperClient, lane: number, turn: number): Promise<boolean> {
    const mine = Math.floor(registerCount / inFlight);
    const at = lane * mine + (turn % mine);
    const register = this.#registers[at] as Register;
    const value = ++register.sent;
    const { ok } = await client.setData(`${this.folder}/r${at}`, Buffer.from(String(value)));
    if (!ok || !this.#counts) return false;
    register.acknowledged = value;
    this.acknowledged++;
    return true;
  }

  async #makeOrDelete(client: ZooKeeperClient): Promise<boolean> {
    const [oldest] = this.#there;
    if (oldest !== undefined && this.#there.size > keptNodes) {
      this.#there.delete(oldest);
      const { ok } = await client.delete(oldest);
      if (!ok || !this.#counts) return false;
      this.#gone.add(oldest);
    } else {
      const path = `${this.folder}/n${this.#serial++}`;
      const { ok } = await client.create(path, Buffer.alloc(1 + (this.#serial % 700), 'x'));
      if (!ok || !this.#counts) return false;
      this.#there.add(path);
    }
    this.acknowledged++;
    return true;
  }

  /** The power goes now: no answer that is read from here on counts. */
  stop(): void {
    this.#counts = false;
  }

  close(): void {
    void this.#client?.close();
  }

  /** @param tree  every node's data, by path. @returns what was acknowledged and is not there, each a sentence */
  lost(tree: ReadonlyMap<string, string>): string[] {
    const lost: string[] = [];
    for (const [at, register] of this.#registers.entries()) {
      const path = `${this.folder}/r${at}`;
      const found = Number(Buffer.from((tree.get(path) ?? '').split(' ')[0] ?? '', 'hex').toString() || Number.NaN);
      if (found >= register.acknowledged && found <= register.sent) {
        // From here on this is what was acknowledged: it has been shown.
        register.acknowledged = found;
        register.sent = found;
      } else if (register.sent > 0) {
        lost.push(
          `${path} holds ${found}, but ${register.acknowledged} was acknowledged and ${register.sent} was sent`,
        );
      }
    }
    for (const path of this.#there) if (!tree.has(path)) lost.push(`${path} was made and acknowledged, and is gone`);
    for (const path of this.#gone) {
      if (tree.has(path)) lost.push(`${path} was deleted and acknowledged, and is back`);
    }
    this.#gone.clear();
    return lost;
  }
}
