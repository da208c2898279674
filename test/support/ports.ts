import { createServer } from 'node:net';

/** Below the ports that systems give to those who ask for any: there, somebody's connection takes one meanwhile. */
const first = 11_000;
const blocks = 80;
const portsPerBlock = 100;

/** Processes that run beside each other have other blocks, as their numbers are near each other. */
const block = first + (process.pid % blocks) * portsPerBlock;
let given = Math.floor(Math.random() * portsPerBlock);

/**
 * A port of the loopback address that nobody listens on, for a server that is to be started: the same one is given again
 * only after all others of this process, whether the server listens by then or not.
 *
 * @throws when all of them are in use
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < portsPerBlock; tried++) {
    const port = block + (given++ % portsPerBlock);
    if (await isFree(port)) return port;
  }
  throw new Error(`all ports from ${block} to ${block + portsPerBlock - 1} are in use`);
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') resolve(false);
    else reject(error);
  });
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}
