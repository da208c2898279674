import type { Address, Clock, Network } from '../../base/index.ts';

const answerTimeoutMs = 1_500;
const answerLimitBytes = 64 * 1024;

/** What a ZooKeeper server answers to one of its four-letter words; undefined: nothing, or not in time. */
export function askWord(
  address: Address,
  word: string,
  { network, clock }: { readonly network: Network; readonly clock: Clock },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = network.connect(address);
    let text = '';
    const end = (answer: string | undefined): void => {
      timer.cancel();
      socket.destroy();
      resolve(answer === '' ? undefined : answer);
    };
    const timer = clock.after(answerTimeoutMs, () => end(undefined));
    socket.on('error', () => end(undefined));
    // The server closes the connection after its answer.
    socket.on('close', () => end(text));
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.length > answerLimitBytes) end(undefined);
    });
  });
}
