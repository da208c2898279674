import { createHash } from 'node:crypto';
import type { Random } from '../../../src/base/index.ts';
import type { Acl, MultiOperation, Request } from '../../../src/protocol/zookeeper/index.ts';

/** One step of a differential run: a request of one of the clients, or something done to its connection. */
export type Step =
  | { readonly client: number; readonly kind: 'request'; readonly request: Request }
  | { readonly client: number; readonly kind: 'close' | 'reattach' };

const names = ['a', 'b', 'c', 'long-name'];
const oddPaths = ['', 'a', '/', '//', '/a/', '/a//b', '/a/./b', '/a/..', '/a/.../b', '/\u0001', '/a\u0000', '/é'];
const ownPaths = ['/zookeeper', '/zookeeper/config', '/zookeeper/quota', '/zookeeper/x'];
const digestOf = (text: string): string => `${text.split(':')[0]}:${createHash('sha1').update(text).digest('base64')}`;

const acls: readonly (readonly Acl[])[] = [
  [{ perms: 31, scheme: 'world', id: 'anyone' }],
  [{ perms: 31, scheme: 'world', id: 'anyone' }],
  [{ perms: 31, scheme: 'world', id: 'anyone' }],
  [{ perms: 1, scheme: 'world', id: 'anyone' }],
  [{ perms: 31, scheme: 'auth', id: '' }],
  [{ perms: 31, scheme: 'digest', id: digestOf('user:pass') }],
  [
    { perms: 1, scheme: 'world', id: 'anyone' },
    { perms: 30, scheme: 'digest', id: digestOf('user:pass') },
    { perms: 1, scheme: 'world', id: 'anyone' },
  ],
  [{ perms: 15, scheme: 'ip', id: '127.0.0.1' }],
  [{ perms: 31, scheme: 'ip', id: '127.0.0.0/8' }],
  [{ perms: 31, scheme: 'ip', id: '10.0.0.0/8' }],
  [{ perms: 31, scheme: 'ip', id: 'nonsense' }],
  [{ perms: 31, scheme: 'digest', id: 'nonsense' }],
  [{ perms: 31, scheme: 'unknown', id: 'x' }],
  [],
];

/** Steps that a seed decides: mostly sensible requests on few paths, so that they meet each other; some that are not. */
export function randomSteps(random: Random, count: number, clients: number): Step[] {
  const pick = <Element>(elements: readonly Element[]): Element => elements[random.below(elements.length)]!;
  const chance = (part: number): boolean => random.next() < part;
  const path = (): string => {
    if (chance(0.04)) return pick(oddPaths);
    if (chance(0.03)) return pick(ownPaths);
    let text = '';
    const depth = 1 + random.below(3);
    for (let level = 0; level < depth; level++) text += `/${pick(names)}`;
    return text;
  };
  const version = (): number => (chance(0.7) ? -1 : random.below(4));
  const data = (): Buffer | undefined => (chance(0.1) ? undefined : Buffer.alloc(random.below(40), 'x'));
  const create = (): MultiOperation => {
    const body = { path: path(), data: data(), acl: pick(acls) };
    const way = random.below(20);
    if (way < 8) return { op: 'create', ...body, flags: random.below(4) };
    if (way < 15) return { op: 'create2', ...body, flags: random.below(4) };
    if (way < 17) return { op: 'createContainer', ...body, flags: 4 };
    if (way < 19)
      return {
        op: 'createTtl',
        ...body,
        flags: 5 + random.below(2),
        ttlMs: pick([1_000_000, 1_000_000, 0, -1, 2 ** 41]),
      };
    return { op: 'create', ...body, flags: pick([4, 5, 7, -1, 99]) };
  };
  const write = (): MultiOperation => {
    const way = random.below(10);
    if (way < 4) return create();
    if (way < 6) return { op: 'delete', path: path(), version: version() };
    if (way < 9) return { op: 'setData', path: path(), data: data(), version: version() };
    return { op: 'check', path: path(), version: version() };
  };
  const multiWrite = (): MultiOperation => {
    const operation = write();
    // Flags that no mode has make Apache's server fail to read the whole multi.
    return 'flags' in operation && (operation.flags < 0 || operation.flags > 6)
      ? { ...operation, flags: 0 }
      : operation;
  };
  const several = <Element>(make: () => Element): Element[] =>
    Array.from({ length: 1 + random.below(4) }, () => make());
  const watch = (): boolean => chance(0.3);
  const request = (): Request => {
    const way = random.below(100);
    if (way < 22) return create();
    if (way < 38) {
      const operation = write();
      return operation.op === 'check'
        ? { op: 'setData', path: operation.path, data: data(), version: version() }
        : operation;
    }
    if (way < 46) return { op: 'multi', operations: several(multiWrite) };
    if (way < 52) return { op: 'exists', path: path(), watch: watch() };
    if (way < 60) return { op: 'getData', path: path(), watch: watch() };
    if (way < 65) return { op: 'getChildren', path: path(), watch: watch() };
    if (way < 71) return { op: 'getChildren2', path: path(), watch: watch() };
    if (way < 75) return { op: 'getAcl', path: path() };
    if (way < 78) return { op: 'setAcl', path: path(), acl: pick(acls), version: version() };
    if (way < 80) return { op: 'sync', path: path() };
    if (way < 83) return { op: 'addWatch', path: path(), mode: random.below(2) };
    if (way < 85) return { op: 'removeWatches', path: path(), type: 1 + random.below(5) };
    if (way < 87) return { op: 'checkWatches', path: path(), type: 1 + random.below(5) };
    if (way < 89) return { op: 'getEphemerals', prefixPath: pick(['/', '', '/a', '/a/b', path()]) };
    if (way < 91) return { op: 'getAllChildrenNumber', path: path() };
    if (way < 92) return { op: 'whoAmI' };
    if (way < 93)
      return { op: 'auth', type: 0, scheme: 'digest', auth: Buffer.from(pick(['user:pass', 'other:word'])) };
    if (way < 95) {
      return {
        op: 'multiRead',
        operations: several(() => ({ op: pick(['getData', 'getChildren'] as const), path: path(), watch: false })),
      };
    }
    if (way < 97) {
      return {
        op: 'setWatches2',
        relativeZxid: random.below(count),
        data: several(path),
        exist: several(path),
        child: several(path),
        persistent: several(path),
        persistentRecursive: several(path),
      };
    }
    if (way < 98) {
      return {
        op: 'setWatches',
        relativeZxid: random.below(count),
        data: several(path),
        exist: several(path),
        child: several(path),
      };
    }
    if (way < 99) {
      return {
        op: 'reconfig',
        joiningServers: undefined,
        leavingServers: '1',
        newMembers: undefined,
        currentConfigId: -1,
      };
    }
    return { op: 'ping' };
  };
  return Array.from({ length: count }, (): Step => {
    const client = random.below(clients);
    if (chance(0.01)) return { client, kind: chance(0.5) ? 'close' : 'reattach' };
    return { client, kind: 'request', request: request() };
  });
}
