import { seededRandom } from '../../../src/base/index.ts';
import type { ConnectResponse, Stat } from '../../../src/protocol/zookeeper/index.ts';
import type { Step } from './random-requests.ts';
import { randomSteps } from './random-requests.ts';
import { WireClient, type WireReply } from './wire-client.ts';

/** What each client had heard after a step, in its order, as plain values. */
export type TranscriptLine = { readonly step: string; readonly heard: readonly (readonly unknown[])[] };

const CLIENTS = 3;

/**
 * Plays the steps of a seed on a server that has just started with an empty folder, one after another, and writes down
 * everything that its clients hear. What must differ between two servers is left out: times, session ids, and the
 * order where the original promises none (children, identities).
 */
export async function playTranscript(port: number, seed: number, stepCount: number): Promise<TranscriptLine[]> {
  return playOn({ ports: [port, port, port], zxidBase: 0 }, seed, stepCount);
}

/**
 * @param target.ports     one a client: of one server, or of several of one ensemble
 * @param target.zxidBase  what an ensemble's epoch adds to the zxids of a server alone
 */
export async function playOn(
  target: { readonly ports: readonly number[]; readonly zxidBase: number },
  seed: number,
  stepCount: number,
): Promise<TranscriptLine[]> {
  const { ports, zxidBase } = target;
  const steps = randomSteps(seededRandom(seed), stepCount, CLIENTS);
  const owners = new Map<bigint, string>();
  const clients: WireClient[] = [];
  const heardCount: number[] = [];
  let sessions = 0;
  const open = async (index: number, resume?: ConnectResponse): Promise<void> => {
    const client = new WireClient(ports[index]!);
    const session = await client.open(resume === undefined ? {} : { resume });
    if (session === undefined) throw new Error('the server refused a session');
    if (resume === undefined) owners.set(session.sessionId, `session ${sessions++}`);
    clients[index] = client;
    heardCount[index] = 0;
  };
  for (let index = 0; index < CLIENTS; index++) await open(index);

  const lines: TranscriptLine[] = [];
  for (const step of steps) {
    await play(step, clients, open, zxidBase);
    const heard: unknown[][] = [];
    for (const [index, client] of clients.entries()) {
      // On another server of an ensemble a ping would say nothing of what the first has just done.
      const barrier = await client.call(zxidBase === 0 ? { op: 'ping' } : { op: 'sync', path: '/' });
      const news = client.replies.slice(heardCount[index]);
      heardCount[index] = client.replies.length;
      const said = news.filter((reply) => reply.kind === 'event' || (reply.xid !== -2 && reply !== barrier));
      // A closing session's nodes go in the order of a hash set.
      const ordered = step.kind === 'close' || isClose(step) ? sortedEvents(said) : said;
      heard.push(ordered.map((reply) => plain(reply, owners, zxidBase)));
    }
    lines.push({ step: stepText(step), heard });
  }
  for (const client of clients) {
    await client.call({ op: 'closeSession' });
    client.destroy();
  }
  return lines;
}

async function play(
  step: Step,
  clients: WireClient[],
  open: (index: number, resume?: ConnectResponse) => Promise<void>,
  zxidBase: number,
): Promise<void> {
  const client = clients[step.client]!;
  if (step.kind === 'request') {
    const { request } = step;
    await client.call(
      'relativeZxid' in request ? { ...request, relativeZxid: request.relativeZxid + zxidBase } : request,
    );
    return;
  }
  if (step.kind === 'close') {
    await client.call({ op: 'closeSession' });
    client.destroy();
    await open(step.client);
    return;
  }
  client.destroy();
  await open(step.client, client.session);
}

const isClose = (step: Step): boolean => step.kind === 'request' && step.request.op === 'closeSession';

function sortedEvents(replies: readonly WireReply[]): readonly WireReply[] {
  return [...replies].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function stepText(step: Step): string {
  const text = step.kind === 'request' ? JSON.stringify(step.request, jsonValue) : step.kind;
  return `${step.client}: ${text}`;
}

const jsonValue = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer') {
    return `bytes ${Buffer.from((value as unknown as { data: number[] }).data).toString('hex')}`;
  }
  return value;
};

function plain(reply: WireReply, owners: ReadonlyMap<bigint, string>, zxidBase: number): unknown {
  const seen = (_key: string, value: unknown): unknown => {
    if (isStat(value)) {
      const { ctime: _c, mtime: _m, ephemeralOwner, ...rest } = value;
      // The seen values of what is in it follow.
      return { ...rest, owner: owners.get(ephemeralOwner) ?? ephemeralOwner.toString() };
    }
    if (/zxid$/.test(_key) && typeof value === 'number' && value >= zxidBase) return value - zxidBase;
    return jsonValue(_key, value);
  };
  const { xid: _, ...rest } = { xid: 0, ...reply };
  const value = JSON.parse(JSON.stringify(rest, seen));
  sortUnordered(value);
  return value;
}

function isStat(value: unknown): value is Stat {
  return typeof value === 'object' && value !== null && 'czxid' in value && 'ephemeralOwner' in value;
}

function sortUnordered(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    if (Array.isArray(part) && (key === 'children' || key === 'clientInfo')) {
      part.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    }
    sortUnordered(part);
  }
}
