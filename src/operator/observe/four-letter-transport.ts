import type { Address, Clock, Network } from '../../base/index.ts';

export const serverModes = ['standalone', 'leader', 'follower', 'observer'] as const;
export type ServerMode = (typeof serverModes)[number] | 'unknown';

const answerTimeoutMs = 2_000;
const answerLimitBytes = 16 * 1024;

/** What a ZooKeeper server says it is, by its `srvr` command; `unknown` if it does not say so in time. */
export function askServer(
  address: Address,
  { network, clock }: { readonly network: Network; readonly clock: Clock },
): Promise<ServerMode> {
  return new Promise((resolve) => {
    const socket = network.connect(address);
    let text = '';
    const end = (): void => {
      timer.cancel();
      socket.destroy();
      resolve(modeOf(text));
    };
    const timer = clock.after(answerTimeoutMs, end);
    socket.on('error', end);
    socket.on('close', end);
    socket.on('connect', () => socket.write('srvr'));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.length > answerLimitBytes) end();
    });
  });
}

export function modeOf(answer: string): ServerMode {
  const said = /^Mode: (\w+)$/m.exec(answer)?.[1];
  return serverModes.find((mode) => mode === said) ?? 'unknown';
}
