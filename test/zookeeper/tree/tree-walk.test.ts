import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openAcl, type SessionId, zxid } from '../../../src/protocol/zookeeper/index.ts';
import { DataTree } from '../../../src/zookeeper/tree/data-tree.ts';
import { NodeMap } from '../../../src/zookeeper/tree/node-map.ts';
import { parentOf } from '../../../src/zookeeper/tree/path.ts';
import { Znode } from '../../../src/zookeeper/tree/znode.ts';

const paths = ['/a', '/b', '/a/c', '/a/d', '/a/c/e', '/a/c/f', '/b/g', '/b/g/h', '/a/i', '/j'];

function toggle(tree: DataTree, path: string): void {
  const header = { sessionId: 1n as SessionId, cxid: 0, zxid: zxid(tree.lastZxid + 1), timeMs: 1 };
  const node = tree.get(path);
  if (node === undefined && tree.get(parentOf(path)) !== undefined) {
    tree.apply(header, { type: 'create', path, data: undefined, acl: openAcl, ephemeral: false, parentCversion: -1 });
  } else if (node?.childCount === 0) tree.apply(header, { type: 'delete', path });
}

test('a walk meets every node that stays, once, parents first, whatever changes while it rests', () => {
  const steps = fc.array(fc.constantFrom(...paths), { maxLength: 40 });
  fc.assert(
    fc.property(steps, fc.array(steps, { maxLength: 12 }), (before, during) => {
      const tree = new DataTree({ extendedTypes: true });
      for (const path of before) toggle(tree, path);
      const atFirst = new Map([...tree.nodes()].map((node) => [node.path, node]));
      const walk = tree.beginWalk();
      const met: Znode[] = [];
      const rests = [...during];
      for (const node of walk) {
        expect(tree.get(node.path)).toBe(node);
        met.push(node);
        for (const path of rests.shift() ?? []) toggle(tree, path);
      }
      tree.endWalk(walk);
      expect(new Set(met).size).toBe(met.length);
      for (const [path, node] of atFirst) if (tree.get(path) === node) expect(met).toContain(node);
      const places = new Map(met.map((node, place) => [node, place]));
      for (const node of met) {
        const { parent } = node;
        if (parent !== undefined) expect(places.get(parent)).toBeLessThan(places.get(node)!);
      }
    }),
    { numRuns: 500 },
  );
});

test('children keep the order of their creation', () => {
  const tree = new DataTree({ extendedTypes: true });
  for (const path of ['/a', '/a/z', '/a/m', '/a/b', '/a/m', '/a/c', '/a/m']) toggle(tree, path);
  expect(tree.get('/a')?.childNames()).toEqual(['z', 'b', 'c', 'm']);
  expect(tree.get('/a')?.childCount).toBe(4);
  expect(tree.get('/')?.childNames()).toEqual(['zookeeper', 'a']);
});

test('a map of nodes holds what a map holds', () => {
  const anyPath = fc.string({ minLength: 0, maxLength: 80 });
  fc.assert(
    fc.property(fc.array(fc.tuple(anyPath, fc.boolean())), (steps) => {
      const ours = new NodeMap();
      const theirs = new Map<string, Znode>();
      const acl = new DataTree({ extendedTypes: false }).get('/')!.acl;
      for (const [path, add] of steps) {
        if (add) {
          const node = new Znode(path, { data: undefined, acl, owner: 0n }, zxid(1), 0);
          ours.set(path, node);
          theirs.set(path, node);
        } else {
          ours.delete(path);
          theirs.delete(path);
        }
        expect(ours.size).toBe(theirs.size);
        expect(ours.get(path)).toBe(theirs.get(path));
      }
    }),
  );
});

test('data and numbers of a node come out as they went in', () => {
  const { acl } = new DataTree({ extendedTypes: false }).get('/')!;
  const big = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x1_8000_0001, 2 ** 52 + 5];
  for (const value of big) {
    const node = new Znode('/a', { data: undefined, acl, owner: 0n }, zxid(value), value);
    expect([node.czxid, node.mzxid, node.pzxid, node.ctime, node.mtime]).toEqual([value, value, value, value, value]);
  }
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  for (const data of [
    Buffer.alloc(0),
    everyByte,
    Buffer.alloc(5_000, 0xfe),
    Buffer.alloc(9_000, 1).subarray(0, 4_000),
  ]) {
    const node = new Znode('/a', { data, acl, owner: 0n }, zxid(1), 0);
    expect(node.data).toEqual(Buffer.from(data));
    expect(node.dataBytes).toBe(data.length);
  }
});

test('a node with room for what happened to it only is a node with room for everything', () => {
  const { acl } = new DataTree({ extendedTypes: false }).get('/')!;
  const number = fc.constantFrom(0, 1, 7, 0x80000000, 0x1_8000_0001, 2 ** 52 + 5);
  const small = fc.constantFrom(-1, 0, 1, 7);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('created' as const), czxid: number, ctime: number }),
    fc.record({ kind: fc.constant('modified' as const), version: small, mzxid: number, mtime: number }),
    fc.record({ kind: fc.constant('acl' as const), aversion: small }),
    fc.record({ kind: fc.constant('children' as const), cversion: small, pzxid: number }),
    fc.record({ kind: fc.constant('child' as const) }),
  );
  fc.assert(
    fc.property(number, number, fc.array(step), (czxid, ctime, steps) => {
      const node = new Znode('/a', { data: undefined, acl, owner: 0n }, zxid(czxid), ctime);
      const plain = { czxid, ctime, mzxid: czxid, mtime: ctime, pzxid: czxid, version: 0, aversion: 0, cversion: 0 };
      let childCount = 0;
      for (const [index, { kind, ...values }] of steps.entries()) {
        // Born again only while nothing else is known, as from a snapshot.
        if (kind === 'created' && index > 0) continue;
        Object.assign(plain, values);
        if (kind === 'created') Object.assign(plain, { mzxid: plain.czxid, mtime: plain.ctime, pzxid: plain.czxid });
        if (kind === 'created') node.setCreated(zxid(plain.czxid), plain.ctime);
        else if (kind === 'modified') node.setModified(plain.version, zxid(plain.mzxid), plain.mtime);
        else if (kind === 'acl') node.setAcl(acl, plain.aversion);
        else if (kind === 'children') node.setChildrenChanged(plain.cversion, zxid(plain.pzxid));
        else node.addChild(new Znode(`/a/${childCount++}`, { data: undefined, acl, owner: 0n }, zxid(1), 0));
        expect(node).toMatchObject({ ...plain, childCount });
      }
    }),
  );
});
