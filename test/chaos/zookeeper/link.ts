import { connect, createServer, type Server, type Socket } from 'node:net';

type Address = { readonly host: string; readonly port: number };
type Pair = { readonly near: Socket; readonly far: Socket };

/**
 * One direction of who connects to whom: what is opened through it goes to the target. Cut, it passes nothing on and
 * breaks nothing, as a network that drops packets; muted, it does so with what the target says; refused, it breaks what is
 * open and turns away what comes. Faults may overlap: it is whole again when the last of them is over.
 */
export class Link {
  readonly #target: Address;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #cuts = 0;
  #mutes = 0;
  #refusals = 0;

  constructor(target: Address) {
    this.#target = target;
    this.#server = createServer((near) => this.#accept(near));
  }

  listen({ host, port }: Address): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
  }

  #accept(near: Socket): void {
    near.on('error', () => near.destroy());
    if (this.#refusals > 0) {
      near.destroy();
      return;
    }
    const far = connect(this.#target);
    near.setNoDelay(true);
    far.setNoDelay(true);
    const pair = { near, far };
    this.#pairs.add(pair);
    far.on('error', () => far.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => {
      near.destroy();
      this.#pairs.delete(pair);
    });
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => near.write(bytes));
    this.#hold(pair);
  }

  #hold({ near, far }: Pair): void {
    if (this.#cuts > 0) near.pause();
    else near.resume();
    if (this.#cuts + this.#mutes > 0) far.pause();
    else far.resume();
  }

  /** @param how  `cut` drops, `mute` drops one direction, `refuse` breaks. @returns a call that ends this fault */
  fail(how: 'cut' | 'mute' | 'refuse'): () => void {
    const count = (by: number): void => {
      if (how === 'cut') this.#cuts = Math.max(0, this.#cuts + by);
      else if (how === 'mute') this.#mutes = Math.max(0, this.#mutes + by);
      else this.#refusals = Math.max(0, this.#refusals + by);
      for (const pair of this.#pairs) this.#hold(pair);
    };
    count(1);
    if (how === 'refuse') this.break();
    let over = false;
    return () => {
      if (!over) count(-1);
      over = true;
    };
  }

  /** Breaks what is open; what comes next is welcome. */
  break(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** Ends all faults. */
  heal(): void {
    this.#refusals = 0;
    this.#cuts = 0;
    this.#mutes = 0;
    for (const pair of this.#pairs) this.#hold(pair);
  }

  close(): void {
    this.break();
    this.#server.close();
  }
}
