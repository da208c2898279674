import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MultiResult, Request, ResponseBody, Stat } from '../../../src/protocol/zookeeper/index.ts';
import {
  decodeConnectRequest,
  decodeConnectResponse,
  decodeEvent,
  decodeReplyHeader,
  decodeRequest,
  decodeRequestHeader,
  decodeResponseBody,
  encodeConnectRequest,
  encodeConnectResponse,
  JuteWriter,
  opCode,
  REPLY_HEADER_BYTES,
  REQUEST_HEADER_BYTES,
  sessionId,
  writeEventFrame,
  writeReplyFrame,
  writeRequestFrame,
  zxid,
} from '../../../src/protocol/zookeeper/index.ts';

const path = fc.string({ unit: 'grapheme', maxLength: 40 });
const data = fc.option(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  { nil: undefined },
);
const int = fc.integer();
const safe = fc.maxSafeInteger();
const acl = fc.array(fc.record({ perms: int, scheme: path, id: path }), { maxLength: 3 });
const paths = fc.array(path, { maxLength: 4 });
const createBody = { path, data, acl, flags: int };
const multiOperation = fc.oneof(
  fc.record({ op: fc.constantFrom('create' as const, 'create2' as const, 'createContainer' as const), ...createBody }),
  fc.record({ op: fc.constant('createTtl' as const), ...createBody, ttlMs: safe }),
  fc.record({ op: fc.constantFrom('delete' as const, 'check' as const), path, version: int }),
  fc.record({ op: fc.constant('setData' as const), path, data, version: int }),
);
/** Only what keeps its type inside a multi. */
const plainFlags = fc.integer({ min: 0, max: 3 });
const multiPart = fc.oneof(
  fc.record({ op: fc.constantFrom('create' as const, 'create2' as const), ...createBody, flags: plainFlags }),
  fc.record({ op: fc.constant('createContainer' as const), ...createBody, flags: fc.constant(4) }),
  fc.record({ op: fc.constant('createTtl' as const), ...createBody, flags: fc.constantFrom(5, 6), ttlMs: safe }),
  fc.record({ op: fc.constantFrom('delete' as const, 'check' as const), path, version: int }),
  fc.record({ op: fc.constant('setData' as const), path, data, version: int }),
);
const watch = fc.boolean();
const request: fc.Arbitrary<Request> = fc.oneof(
  multiOperation,
  fc.record({
    op: fc.constantFrom('exists' as const, 'getData' as const, 'getChildren' as const, 'getChildren2' as const),
    path,
    watch,
  }),
  fc.record({ op: fc.constantFrom('getAcl' as const, 'sync' as const, 'getAllChildrenNumber' as const), path }),
  fc.record({ op: fc.constant('setAcl' as const), path, acl, version: int }),
  fc.record({ op: fc.constantFrom('ping' as const, 'whoAmI' as const, 'closeSession' as const) }),
  fc.record({ op: fc.constant('multi' as const), operations: fc.array(multiPart, { maxLength: 4 }) }),
  fc.record({
    op: fc.constant('multiRead' as const),
    operations: fc.array(fc.record({ op: fc.constantFrom('getData' as const, 'getChildren' as const), path, watch }), {
      maxLength: 4,
    }),
  }),
  fc.record({
    op: fc.constant('reconfig' as const),
    joiningServers: fc.option(path, { nil: undefined }),
    leavingServers: fc.option(path, { nil: undefined }),
    newMembers: fc.option(path, { nil: undefined }),
    currentConfigId: safe,
  }),
  fc.record({ op: fc.constantFrom('checkWatches' as const, 'removeWatches' as const), path, type: int }),
  fc.record({ op: fc.constant('auth' as const), type: int, scheme: path, auth: data.map((d) => d ?? Buffer.alloc(0)) }),
  fc.record({ op: fc.constant('setWatches' as const), relativeZxid: safe, data: paths, exist: paths, child: paths }),
  fc.record({
    op: fc.constant('setWatches2' as const),
    relativeZxid: safe,
    data: paths,
    exist: paths,
    child: paths,
    persistent: paths,
    persistentRecursive: paths,
  }),
  fc.record({ op: fc.constant('sasl' as const), token: data }),
  fc.record({ op: fc.constant('getEphemerals' as const), prefixPath: path }),
  fc.record({ op: fc.constant('addWatch' as const), path, mode: int }),
);

const stat: fc.Arbitrary<Stat> = fc.record({
  czxid: safe.map(zxid),
  mzxid: safe.map(zxid),
  ctime: safe,
  mtime: safe,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  dataLength: int,
  numChildren: int,
  pzxid: safe.map(zxid),
});

const framed = (write: (writer: JuteWriter) => void): Buffer => {
  const writer = new JuteWriter();
  write(writer);
  const bytes = writer.take();
  expect(bytes.readInt32BE(0)).toBe(bytes.length - 4);
  return bytes.subarray(4);
};

test('every request comes back as it was written', () => {
  fc.assert(
    fc.property(int, request, (xid, value) => {
      const frame = framed((writer) => writeRequestFrame(writer, xid, value));
      expect(decodeRequestHeader(frame)).toEqual({ xid, type: opCode[value.op] });
      expect(decodeRequest(opCode[value.op], frame.subarray(REQUEST_HEADER_BYTES))).toEqual({ ok: true, value });
    }),
    { numRuns: 500 },
  );
});

test('every answer comes back as it was written', () => {
  const children = paths;
  const multi: fc.Arbitrary<MultiResult> = fc.oneof(
    fc.record({ op: fc.constant('create' as const), path }),
    fc.record({ op: fc.constant('create2' as const), path, stat }),
    fc.record({ op: fc.constantFrom('delete' as const, 'check' as const) }),
    fc.record({ op: fc.constant('setData' as const), stat }),
    fc.record({ op: fc.constant('getData' as const), data, stat }),
    fc.record({ op: fc.constant('getChildren' as const), children }),
    fc.record({ op: fc.constant('error' as const), code: int }),
  );
  const cases: [Parameters<typeof decodeResponseBody>[0], fc.Arbitrary<ResponseBody>][] = [
    ['create', fc.record({ kind: fc.constant('path' as const), path })],
    ['create2', fc.record({ kind: fc.constant('pathAndStat' as const), path, stat })],
    ['setData', fc.record({ kind: fc.constant('stat' as const), stat })],
    ['getData', fc.record({ kind: fc.constant('data' as const), data, stat })],
    ['getAcl', fc.record({ kind: fc.constant('acl' as const), acl, stat })],
    ['getChildren', fc.record({ kind: fc.constant('children' as const), children })],
    ['getChildren2', fc.record({ kind: fc.constant('childrenAndStat' as const), children, stat })],
    ['multi', fc.record({ kind: fc.constant('multi' as const), results: fc.array(multi, { maxLength: 5 }) })],
    ['addWatch', fc.record({ kind: fc.constant('errorBody' as const), code: int })],
    ['sasl', fc.record({ kind: fc.constant('token' as const), token: data })],
    ['getAllChildrenNumber', fc.record({ kind: fc.constant('number' as const), number: int })],
    [
      'whoAmI',
      fc.record({
        kind: fc.constant('clientInfo' as const),
        clientInfo: fc.array(fc.record({ scheme: path, user: path })),
      }),
    ],
    ['delete', fc.record({ kind: fc.constant('nothing' as const) })],
  ];
  for (const [op, body] of cases) {
    fc.assert(
      fc.property(int, safe, body, (xid, at, value) => {
        const header = { xid, zxid: zxid(at), error: 0 };
        const frame = framed((writer) => writeReplyFrame(writer, header, value));
        expect(decodeReplyHeader(frame)).toEqual({ ok: true, value: header });
        expect(decodeResponseBody(op, frame.subarray(REPLY_HEADER_BYTES))).toEqual({ ok: true, value });
      }),
      { numRuns: 60 },
    );
  }
});

test('an answer with an error has no body', () => {
  const header = { xid: 1, zxid: zxid(2), error: -101 };
  expect(framed((writer) => writeReplyFrame(writer, header, { kind: 'path', path: '/a' }))).toHaveLength(16);
});

test('a watch event carries the zxid of its change in the header', () => {
  const event = { type: 3, state: 3, path: '/a' };
  const frame = framed((writer) => writeEventFrame(writer, event, zxid(77)));
  expect(decodeReplyHeader(frame)).toEqual({ ok: true, value: { xid: -1, zxid: 77, error: 0 } });
  expect(decodeEvent(frame.subarray(REPLY_HEADER_BYTES))).toEqual({ ok: true, value: event });
});

test('the connect exchange keeps all 64 bits of a session id, and old clients leave out the read-only byte', () => {
  const request = {
    protocolVersion: 0,
    lastZxidSeen: 2 ** 40 + 5,
    timeoutMs: 30_000,
    sessionId: sessionId(0x8123456789abcdefn),
    password: Buffer.from('0123456789abcdef'),
    readOnly: undefined,
  };
  expect(decodeConnectRequest(encodeConnectRequest(request).subarray(4))).toEqual({ ok: true, value: request });
  const modern = { ...request, readOnly: true };
  expect(decodeConnectRequest(encodeConnectRequest(modern).subarray(4))).toEqual({ ok: true, value: modern });
  const { lastZxidSeen: _, ...response } = modern;
  expect(decodeConnectResponse(encodeConnectResponse(response).subarray(4))).toEqual({ ok: true, value: response });
});

test('a string that claims two gigabytes, a vector that claims two billion elements and a cut frame are problems', () => {
  const claim = (bytes: number[]): Buffer => Buffer.from(bytes);
  expect(decodeRequest(opCode.getAcl, claim([0x7f, 0xff, 0xff, 0xff]))).toMatchObject({
    ok: false,
    problem: { kind: 'truncated' },
  });
  expect(decodeRequest(opCode.getAcl, claim([0xff, 0xff, 0xff, 0xfe]))).toMatchObject({
    ok: false,
    problem: { kind: 'badLength' },
  });
  const setWatches = Buffer.concat([Buffer.alloc(8), claim([0x7f, 0xff, 0xff, 0xff])]);
  expect(decodeRequest(opCode.setWatches, setWatches)).toMatchObject({ ok: false, problem: { kind: 'badLength' } });
  expect(decodeRequest(opCode.exists, claim([0, 0, 0, 1, 0x2f]))).toMatchObject({ ok: false });
  expect(decodeRequest(9999, Buffer.alloc(0))).toMatchObject({ ok: false, problem: { kind: 'unknownType' } });
});

test('random and damaged bytes never throw', () => {
  const types = Object.values(opCode);
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 200 }), (type, bytes) => {
      const frame = Buffer.from(bytes);
      decodeRequest(type, frame);
      decodeConnectRequest(frame);
      decodeConnectResponse(frame);
      decodeReplyHeader(frame);
      decodeEvent(frame);
      for (const op of ['getData', 'multi', 'getAcl', 'getChildren2', 'whoAmI'] as const) decodeResponseBody(op, frame);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(request, fc.nat(), fc.integer({ min: 0, max: 255 }), (value, at, byte) => {
      const frame = framed((writer) => writeRequestFrame(writer, 1, value));
      frame[at % frame.length] = byte;
      decodeRequest(frame.readInt32BE(4), frame.subarray(REQUEST_HEADER_BYTES));
    }),
    { numRuns: 2_000 },
  );
});
