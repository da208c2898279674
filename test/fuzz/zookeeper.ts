/** Hostile bytes for the ZooKeeper protocol: every decoder in this process, then a real server over sockets. */
import { connect } from 'node:net';
import { type Random, seededRandom } from '../../src/base/index.ts';
import {
  decodeConnectRequest,
  decodeConnectResponse,
  decodeEvent,
  decodeReplyHeader,
  decodeRequest,
  decodeResponseBody,
  encodeConnectRequest,
  JuteWriter,
  opCode,
  sessionId,
  writeRequestFrame,
} from '../../src/protocol/zookeeper/index.ts';
import { decodePeerMessage } from '../../src/zookeeper/ensemble/peer-messages.ts';
import { readTxn } from '../../src/zookeeper/tree/txn.ts';
import { startOwn } from '../support/zookeeper/own-server.ts';
import { randomSteps } from '../support/zookeeper/random-requests.ts';
import { WireClient } from '../support/zookeeper/wire-client.ts';

export const summary = 'ZooKeeper protocol: decoders and a server';

const types = Object.values(opCode);

function framesOf(random: Random): Buffer[] {
  return randomSteps(random, 400, 1).flatMap((step) => {
    if (step.kind !== 'request') return [];
    const writer = new JuteWriter();
    writeRequestFrame(writer, 1, step.request);
    return [Buffer.from(writer.take())];
  });
}

/** Damages a frame: bits flipped, lengths made huge, pieces cut out or put together. */
function damaged(frame: Buffer, other: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(frame);
  switch (random.below(5)) {
    case 0:
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      return bytes.subarray(0, random.below(bytes.length + 1));
    case 2:
      if (bytes.length >= 8)
        bytes.writeInt32BE([0x7fffffff, -1, -2, 0x10000, 0][random.below(5)]!, random.below(bytes.length - 4));
      return bytes;
    case 3:
      return Buffer.concat([bytes.subarray(0, random.below(bytes.length)), other.subarray(random.below(other.length))]);
    default:
      return Buffer.from(Array.from({ length: random.below(64) }, () => random.below(256)));
  }
}

export async function run({ count, seed }: { readonly count: number; readonly seed: number }): Promise<void> {
  const random = seededRandom(seed);
  const frames = framesOf(random);
  const pick = (): Buffer => frames[random.below(frames.length)]!;
  const beganMs = performance.now();
  for (let index = 0; index < count; index++) {
    const bytes = damaged(pick(), pick(), random);
    const type = random.below(3) === 0 || bytes.length < 12 ? types[random.below(types.length)]! : bytes.readInt32BE(8);
    decodeRequest(type, bytes.subarray(Math.min(12, bytes.length)));
    switch (index % 8) {
      case 0:
        decodeConnectRequest(bytes);
        break;
      case 1:
        decodeConnectResponse(bytes);
        break;
      case 2:
        decodeReplyHeader(bytes);
        break;
      case 3:
        decodeEvent(bytes);
        break;
      case 4:
        decodePeerMessage(bytes);
        break;
      case 5:
        readTxn(bytes);
        break;
      default:
        decodeResponseBody((['getData', 'multi', 'getAcl', 'getChildren2', 'whoAmI'] as const)[index % 5]!, bytes);
    }
  }
  const decodedMs = performance.now() - beganMs;

  const server = await startOwn();
  const good = new WireClient(server.port);
  await good.open();
  const before = process.memoryUsage.rss();
  const connections = Math.max(20, Math.round(count / 2_000));
  let longestMs = 0;
  for (let index = 0; index < connections; index++) {
    const socket = connect({ host: '127.0.0.1', port: server.port });
    socket.on('error', () => {});
    if (random.below(4) > 0) {
      socket.write(
        encodeConnectRequest({
          ...{ protocolVersion: 0, lastZxidSeen: 0, timeoutMs: 4_000, sessionId: sessionId(0n), readOnly: false },
          password: Buffer.alloc(16),
        }),
      );
    }
    for (let part = 0; part < 20; part++) socket.write(damaged(pick(), pick(), random));
    if (index % 10 === 9) {
      const askedMs = performance.now();
      const answer = await good.call({ op: 'exists', path: '/', watch: false });
      longestMs = Math.max(longestMs, performance.now() - askedMs);
      if (answer?.error !== 0) throw new Error(`seed ${seed}: the good client was hurt`);
    }
    socket.end();
    setTimeout(() => socket.destroy(), 200);
  }
  const grownMb = (process.memoryUsage.rss() - before) / 2 ** 20;
  good.destroy();
  await server.stop();
  process.stdout.write(
    `zookeeper: ${count} frames decoded in ${(decodedMs / 1000).toFixed(1)} s, ${connections} hostile connections, ` +
      `longest answer to another client ${longestMs.toFixed(0)} ms, memory +${grownMb.toFixed(0)} MB\n`,
  );
}
