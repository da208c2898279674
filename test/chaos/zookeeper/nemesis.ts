import type { Random } from '../../../src/base/index.ts';
import type { Servers } from './servers.ts';

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Makes one fault after another, each for a while; a fault may begin before the one before it has ended. */
export class Nemesis {
  readonly faults: Record<string, number> = {};
  readonly #servers: Servers;
  readonly #random: Random;
  #under: Promise<void>[] = [];

  constructor(servers: Servers, random: Random) {
    this.#servers = servers;
    this.#random = random;
  }

  async run(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      await wait(500 + this.#random.below(2500));
      if (performance.now() > untilMs - 2000) break;
      const fault = this.#fault();
      this.#under.push(fault);
      if (this.#random.next() < 0.8) await fault;
    }
    await Promise.all(this.#under);
  }

  async #victim(): Promise<number> {
    const leader = this.#random.next() < 0.6 ? await this.#servers.leader() : undefined;
    return leader ?? (this.#servers.ids[this.#random.below(this.#servers.ids.length)] as number);
  }

  #count(fault: string): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
  }

  async #fault(): Promise<void> {
    const dice = this.#random.next();
    const id = await this.#victim();
    const lastMs = 300 + this.#random.below(this.#random.next() < 0.3 ? 6000 : 2500);
    if (dice < 0.35) {
      this.#count('kill -9');
      await this.#servers.kill(id);
      await wait(lastMs / 2);
      this.#servers.start(id);
    } else if (dice < 0.55) {
      this.#count('pause');
      this.#servers.signal(id, 'SIGSTOP');
      await wait(lastMs);
      this.#servers.signal(id, 'SIGCONT');
    } else await this.#partition(id, lastMs);
  }

  async #partition(id: number, lastMs: number): Promise<void> {
    const others = this.#servers.ids.filter((other) => other !== id);
    const dice = this.#random.next();
    const drop = this.#random.next() < 0.6;
    const links =
      dice < 0.5
        ? others.flatMap((other) => [this.#servers.link(id, other), this.#servers.link(other, id)])
        : dice < 0.7
          ? others.map((other) => this.#servers.link(id, other))
          : dice < 0.85
            ? others.map((other) => this.#servers.link(other, id))
            : others.slice(0, 1).flatMap((other) => [this.#servers.link(id, other), this.#servers.link(other, id)]);
    const shape = dice < 0.5 ? 'isolation' : dice < 0.7 ? 'one way out' : dice < 0.85 ? 'one way in' : 'one pair';
    this.#count(`partition: ${shape}, ${drop ? 'dropped' : 'refused'}`);
    for (const link of links) {
      if (drop) link.cut();
      else link.refuse();
    }
    await wait(lastMs);
    for (const link of links) link.heal();
  }
}
