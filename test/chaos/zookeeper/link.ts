import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * One direction of who connects to whom: what is opened through it goes to the target. Cut, it passes nothing on and
 * breaks nothing, as a network that drops packets; refused, it breaks what is open and turns away what comes.
 */
export class Link {
  readonly #target: number;
  readonly #server: Server;
  readonly #pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
  #state: 'open' | 'cut' | 'refused' = 'open';

  constructor(target: number) {
    this.#target = target;
    this.#server = createServer((near) => this.#accept(near));
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  #accept(near: Socket): void {
    near.on('error', () => near.destroy());
    if (this.#state === 'refused') {
      near.destroy();
      return;
    }
    const far = connect({ port: this.#target, host: '127.0.0.1' });
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
    if (this.#state === 'cut') this.#hold(pair);
  }

  #hold({ near, far }: { readonly near: Socket; readonly far: Socket }): void {
    near.pause();
    far.pause();
  }

  cut(): void {
    this.#state = 'cut';
    for (const pair of this.#pairs) this.#hold(pair);
  }

  refuse(): void {
    this.#state = 'refused';
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  heal(): void {
    this.#state = 'open';
    for (const { near, far } of this.#pairs) {
      near.resume();
      far.resume();
    }
  }

  close(): void {
    this.refuse();
    this.#server.close();
  }
}
