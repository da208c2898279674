import type { Random } from '../../../src/base/index.ts';
import { ZooKeeperClient } from '../../../src/client/zookeeper/index.ts';
import { nodeNetwork, systemClock } from '../../../src/platform/index.ts';
import { longestTimeoutMs, silent } from './client.ts';
import type { Link } from './link.ts';
import type { Servers } from './servers.ts';

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

type How = 'cut' | 'refuse';
type Shape = { readonly name: string; readonly links: readonly Link[] };

/** A change of the membership may take so long: meanwhile other faults go on. */
const changeMs = 12_000;
/** How long the next fault may wait for a leader. */
const recoveryMs = 15_000;
const fallBehindRounds = 4;
/** A follower looks for another leader after a second. */
const behindMs = 850;
const moveBackRounds = 2;
/** So long clients take at most to find another server: a second, and what it takes to connect. */
const settleMs = 1200;
/** So long clients write while one follower does not hear of it. */
const missedMs = 250;
/** While servers are apart, one client is moved so often. */
const moveClientsMs = 60;

/** Makes one fault after another, each for a while; a fault may begin before the one before it has ended. */
export class Nemesis {
  readonly faults: Record<string, number> = {};
  /** In the order of their beginnings. */
  readonly timeline: { readonly fault: string; readonly fromMs: number; toMs: number }[] = [];
  readonly #servers: Servers;
  readonly #clientCount: number;
  readonly #random: Random;
  #admin: ZooKeeperClient;
  readonly #under: Promise<void>[] = [];
  /** Servers that somebody holds down or paused: nobody else touches them. */
  readonly #busy = new Set<number>();
  /** Who is out of the ensemble. */
  readonly #removed = new Set<number>();

  constructor(servers: Servers, clientCount: number, random: Random) {
    this.#servers = servers;
    this.#clientCount = clientCount;
    this.#random = random;
    this.#admin = this.#openAdmin();
  }

  async run(untilMs: number): Promise<void> {
    // Other faults hardly ever add up to this one: every run has it.
    if (performance.now() + moveBackRounds * (settleMs + behindMs) < untilMs) await this.#moveBack();
    while (performance.now() < untilMs) {
      await wait(300 + this.#random.below(1700));
      if (performance.now() > untilMs - 2000) break;
      const fault = this.#fault(untilMs);
      this.#under.push(fault);
      if (this.#random.next() >= 0.7) continue;
      await fault;
      await this.#recovered(Math.min(untilMs, performance.now() + recoveryMs));
    }
    await Promise.all(this.#under);
  }

  /** Where servers take long to start, faults must not be all that there is. */
  async #recovered(untilMs: number): Promise<void> {
    while (performance.now() < untilMs && (await this.#servers.leader()) === undefined) await wait(100);
  }

  /** Brings everybody back into the ensemble, after everything is healed. */
  async restoreMembership(waitMs: number): Promise<void> {
    const endMs = performance.now() + waitMs;
    for (const id of this.#removed) {
      while (!(await this.#reconfigured({ joiningServers: this.#servers.serverLine(id) }))) {
        if (performance.now() > endMs) throw new Error(`server ${id} could not be brought back into the ensemble`);
      }
    }
    this.#removed.clear();
  }

  close(): Promise<void> {
    return Promise.race([this.#admin.close(), wait(2000)]);
  }

  /** @returns a call that notes its end */
  #begin(fault: string): () => void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
    const noted = { fault, fromMs: performance.now(), toMs: Number.POSITIVE_INFINITY };
    this.timeline.push(noted);
    return () => {
      noted.toMs = performance.now();
    };
  }

  #pick<Element>(from: readonly Element[]): Element {
    return from[this.#random.below(from.length)] as Element;
  }

  /** Some servers, each of them free; the leader among them more often than not. */
  async #victims(count: number): Promise<number[]> {
    const free = this.#servers.ids.filter((id) => !this.#busy.has(id));
    const leader = this.#random.next() < 0.6 ? await this.#servers.leader() : undefined;
    const chosen = leader !== undefined && free.includes(leader) ? [leader] : [];
    while (chosen.length < Math.min(count, free.length)) {
      const next = this.#pick(free.filter((id) => !chosen.includes(id)));
      chosen.push(next);
    }
    return chosen.filter((id) => !this.#busy.has(id));
  }

  async #fault(untilMs: number): Promise<void> {
    const dice = this.#random.next();
    const lastMs = 300 + this.#random.below(this.#random.next() < 0.3 ? 6000 : 2500);
    if (dice < 0.2) await this.#kill(1, lastMs / 2);
    else if (dice < 0.24) await this.#kill(Math.ceil(this.#servers.ids.length / 2), lastMs / 2);
    else if (dice < 0.27) await this.#kill(this.#servers.ids.length, lastMs / 4);
    else if (dice < 0.4) await this.#pause(lastMs);
    else if (dice < 0.5) await this.#handOver(lastMs / 2);
    else if (dice < 0.67) await this.#partition(lastMs);
    else if (dice < 0.72) await this.#fallBehind();
    else if (dice < 0.75) await this.#moveBack();
    else if (dice < 0.86) await this.#cutClients();
    else if (performance.now() + changeMs < untilMs) await this.#leave(lastMs);
    else await this.#pause(lastMs);
  }

  async #kill(count: number, downMs: number): Promise<void> {
    const victims = await this.#victims(count);
    if (victims.length === 0) return;
    const ended = this.#begin(count === 1 ? 'kill -9' : `kill -9 of ${victims.length} at once`);
    for (const id of victims) this.#busy.add(id);
    await Promise.all(victims.map((id) => this.#servers.kill(id)));
    await wait(downMs);
    for (const id of victims) {
      this.#servers.start(id);
      this.#busy.delete(id);
    }
    ended();
  }

  async #pause(lastMs: number): Promise<void> {
    const [id] = await this.#victims(1);
    if (id === undefined) return;
    const ended = this.#begin('pause');
    this.#busy.add(id);
    this.#servers.signal(id, 'SIGSTOP');
    await wait(lastMs);
    this.#servers.signal(id, 'SIGCONT');
    this.#busy.delete(id);
    ended();
  }

  /** An orderly stop of the leader. */
  async #handOver(downMs: number): Promise<void> {
    const id = await this.#servers.leader();
    if (id === undefined || this.#busy.has(id)) return;
    const ended = this.#begin('leader stopped, handing over');
    this.#busy.add(id);
    await this.#servers.kill(id, 'SIGTERM');
    await wait(downMs);
    this.#servers.start(id);
    this.#busy.delete(id);
    ended();
  }

  async #partition(lastMs: number): Promise<void> {
    const how: How = this.#random.next() < 0.6 ? 'cut' : 'refuse';
    const { name, links } = await this.#shape();
    const ended = this.#begin(`partition: ${name}, ${how === 'cut' ? 'dropped' : 'refused'}`);
    const heal = links.map((link) => link.fail(how));
    await this.#moveClients(lastMs);
    for (const each of heal) each();
    ended();
  }

  /** Followers hear from their leader, but their entries are held up; for less time than makes them look for another. */
  async #fallBehind(): Promise<void> {
    const ended = this.#begin('followers fall behind');
    for (let round = 0; round < fallBehindRounds; round++) {
      const leader = await this.#servers.leader();
      const followers = this.#servers.ids.filter((id) => id !== leader && !this.#busy.has(id));
      if (leader === undefined || followers.length === 0) break;
      const heal = this.#servers.link(this.#pick(followers), leader).fail('mute');
      // A client takes up to a second to come back: half of them look for a server now, the others go on writing.
      for (let client = round % 2; client < this.#clientCount; client += 2) {
        for (const link of this.#servers.linksOfClient(client)) link.break();
      }
      await wait(behindMs);
      heal();
      await wait(200);
    }
    ended();
  }

  /**
   * All clients see what one follower does not hear of, and then only that follower takes them. It must not: whoever it
   * serves goes back in time. It hears from its leader otherwise, so that it would let a session in.
   */
  async #moveBack(): Promise<void> {
    const ended = this.#begin('clients are moved to a follower that is behind');
    for (let round = 0; round < moveBackRounds; round++) {
      const leader = await this.#servers.leader();
      const followers = this.#servers.ids.filter((id) => id !== leader && !this.#busy.has(id));
      if (leader === undefined || followers.length === 0) break;
      const behind = this.#pick(followers);
      const refuse = (clientsOf: readonly number[]): (() => void)[] =>
        clientsOf.flatMap((id) =>
          Array.from({ length: this.#clientCount }, (_, client) =>
            this.#servers.linkOfClient(client, id).fail('refuse'),
          ),
        );
      const away = refuse([behind]);
      await wait(settleMs);
      const heard = this.#servers.link(behind, leader).fail('mute');
      await wait(missedMs);
      const back = refuse(this.#servers.ids.filter((id) => id !== behind));
      for (const end of away) end();
      await wait(behindMs - missedMs);
      for (const end of [...back, heard]) end();
      await wait(200);
    }
    ended();
  }

  /** One client after another has to find another server, perhaps one that has fallen behind and does not know it. */
  async #moveClients(lastMs: number): Promise<void> {
    const endMs = performance.now() + lastMs;
    for (let leftMs = lastMs; leftMs > 0; leftMs = endMs - performance.now()) {
      await wait(Math.min(leftMs, moveClientsMs));
      for (const link of this.#servers.linksOfClient(this.#random.below(this.#clientCount))) link.break();
    }
  }

  async #shape(): Promise<Shape> {
    const { ids } = this.#servers;
    const leader = this.#random.next() < 0.6 ? await this.#servers.leader() : undefined;
    const id = leader ?? this.#pick(ids);
    const others = ids.filter((other) => other !== id);
    const both = (left: number, right: number): Link[] => [
      this.#servers.link(left, right),
      this.#servers.link(right, left),
    ];
    const dice = this.#random.next();
    if (dice < 0.35) {
      const name = leader === undefined ? 'one isolated' : 'leader isolated';
      return { name, links: others.flatMap((other) => both(id, other)) };
    }
    if (dice < 0.5) return { name: 'one way out', links: others.map((other) => this.#servers.link(id, other)) };
    if (dice < 0.65) return { name: 'one way in', links: others.map((other) => this.#servers.link(other, id)) };
    if (dice < 0.75) return { name: 'one pair', links: both(id, this.#pick(others)) };
    if (dice < 0.88 && ids.length > 3) {
      // Everybody sees a majority, and no two the same one.
      const place = (each: number): number => ids.indexOf(each);
      const apart = ids.flatMap((left) =>
        ids
          .filter((right) => left < right && ![1, ids.length - 1].includes(Math.abs(place(left) - place(right))))
          .flatMap((right) => both(left, right)),
      );
      return { name: 'ring', links: apart };
    }
    const minority = [id, ...others.slice(0, Math.floor(ids.length / 2) - 1)];
    const rest = ids.filter((other) => !minority.includes(other));
    const links = minority.flatMap((left) => rest.flatMap((right) => both(left, right)));
    return { name: 'minority and majority', links };
  }

  /** Clients that hear nothing, some of them for longer than their sessions last. */
  async #cutClients(): Promise<void> {
    const count = 1 + this.#random.below(Math.ceil(this.#clientCount / 3));
    const first = this.#random.below(this.#clientCount);
    const lastMs = 500 + this.#random.below(longestTimeoutMs + 3000);
    const ended = this.#begin(
      `clients cut off for ${lastMs > longestTimeoutMs ? 'longer' : 'shorter'} than any time-out`,
    );
    const links = Array.from({ length: count }, (_, at) =>
      this.#servers.linksOfClient((first + at) % this.#clientCount),
    ).flat();
    const heal = links.map((link) => link.fail('cut'));
    await wait(lastMs);
    for (const each of heal) each();
    ended();
  }

  /** Asked again until it is done: a leader that is to leave hands over first, and its successor has to be asked. */
  async #reconfigured(change: { joiningServers?: string; leavingServers?: string }): Promise<boolean> {
    const endMs = performance.now() + changeMs;
    while (performance.now() < endMs) {
      // While there is no majority a request waits for ever.
      const answer = this.#admin.reconfig(change);
      const result = await Promise.race([answer, wait(endMs - performance.now()).then(() => undefined)]);
      if (result?.ok) return true;
      if (this.#admin.state === 'expired') this.#admin = this.#openAdmin();
      await wait(200);
    }
    return false;
  }

  #openAdmin(): ZooKeeperClient {
    return new ZooKeeperClient(
      { servers: this.#servers.ids.map((id) => this.#servers.directAddress(id)), sessionTimeoutMs: 10_000 },
      { network: nodeNetwork({}), clock: systemClock, random: this.#random, logger: silent },
    );
  }

  /** One server leaves the ensemble and comes back, some with an empty volume. */
  async #leave(lastMs: number): Promise<void> {
    const [id] = await this.#victims(1);
    if (id === undefined || this.#removed.size > 0) return;
    this.#removed.add(id);
    this.#busy.add(id);
    try {
      if (!(await this.#reconfigured({ leavingServers: `${id}` }))) return;
      const wiped = this.#random.next() < 0.5;
      const ended = this.#begin(wiped ? 'member left and came back with an empty volume' : 'member left and came back');
      await wait(lastMs / 2);
      if (wiped) {
        await this.#servers.kill(id);
        this.#servers.wipe(id);
        this.#servers.start(id);
        await wait(lastMs / 2);
      }
      const joined = await this.#reconfigured({ joiningServers: this.#servers.serverLine(id) });
      if (joined) this.#removed.delete(id);
      ended();
    } finally {
      this.#busy.delete(id);
    }
  }
}
