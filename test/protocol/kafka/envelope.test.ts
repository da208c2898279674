import { expect, test } from 'vitest';
import {
  type AnyApi,
  apis,
  decodeRequest,
  decodeResponse,
  EncodeError,
  encodeRequest,
  encodeResponse,
  parseRequestHeader,
  type ResponseOf,
  requestHeaderVersion,
  responseHeaderVersion,
} from '../../../src/protocol/kafka/index.ts';

const bare = (parts: readonly Buffer[]): Buffer => Buffer.concat(parts).subarray(4);
const header = { correlationId: 7, clientId: 'me' };
const untyped = (api: unknown): AnyApi => api as AnyApi;

test('an ApiVersions 3 request has the bytes of the protocol guide', () => {
  const parts = encodeRequest(apis.apiVersions, 3, header, { clientSoftwareName: 'c', clientSoftwareVersion: '1' });
  expect(Buffer.concat(parts).toString('hex')).toBe(
    ['00000012', '0012', '0003', '00000007', '0002', '6d65', '00', '0263', '0231', '00'].join(''),
  );
});

test('a ControlledShutdown 0 request has no client id, all others do', () => {
  expect(requestHeaderVersion(untyped(apis.controlledShutdown), 0)).toBe(0);
  expect(requestHeaderVersion(untyped(apis.controlledShutdown), 1)).toBe(1);
  expect(requestHeaderVersion(untyped(apis.controlledShutdown), 3)).toBe(2);
  const parts = encodeRequest(apis.controlledShutdown, 0, header, { brokerId: 5 });
  expect(bare(parts).toString('hex')).toBe('0007000000000007' + '00000005');
  const parsed = parseRequestHeader(bare(parts));
  expect(parsed).toMatchObject({ ok: true, value: { clientId: null, apiVersion: 0, bodyOffset: 8 } });
});

test('an ApiVersions response has the plain header in every version', () => {
  for (let version = 0; version <= 4; version++) {
    expect(responseHeaderVersion(untyped(apis.apiVersions), version)).toBe(0);
  }
  expect(responseHeaderVersion(untyped(apis.metadata), 8)).toBe(0);
  expect(responseHeaderVersion(untyped(apis.metadata), 9)).toBe(1);
});

test('an ApiVersions refusal is read as version 0 whatever was asked', () => {
  const body = { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] };
  const frame = bare(encodeResponse(apis.apiVersions, 0, 3, body));
  const answer = decodeResponse(apis.apiVersions, 3, frame);
  expect(answer).toMatchObject({ ok: true, value: { correlationId: 3, body } });
});

test('an ApiVersions request of an unknown version is still recognised', () => {
  const frame = Buffer.from('0012' + '0063' + '00000009', 'hex');
  const parsed = parseRequestHeader(frame);
  expect(parsed).toMatchObject({ ok: true, value: { apiKey: 18, apiVersion: 99, correlationId: 9 } });
  expect(parsed.ok && parsed.value.api?.name).toBe('ApiVersions');
});

test('an unknown api, and an unknown version of a known one, have no schema', () => {
  for (const frame of ['03e7' + '0000' + '00000001', '0003' + '0063' + '00000001']) {
    const parsed = parseRequestHeader(Buffer.from(frame, 'hex'));
    expect(parsed.ok && parsed.value.api).toBe(undefined);
  }
  expect(parseRequestHeader(Buffer.from('0003', 'hex'))).toMatchObject({ ok: false, problem: { kind: 'malformed' } });
});

test('a request goes there and back with types', () => {
  const parts = encodeRequest(apis.metadata, 12, header, {
    topics: [{ name: 'orders' }],
    allowAutoTopicCreation: false,
  });
  const frame = bare(parts);
  const parsed = parseRequestHeader(frame);
  if (!parsed.ok) throw new Error(parsed.problem.sentence);
  expect(parsed.value).toMatchObject({ apiKey: 3, apiVersion: 12, correlationId: 7, clientId: 'me' });
  const request = decodeRequest(apis.metadata, 12, frame, parsed.value.bodyOffset);
  expect(request).toEqual({
    ok: true,
    value: {
      topics: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAA', name: 'orders' }],
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    },
  });
});

test('record batches go out by reference and come in as views', () => {
  const records = Buffer.alloc(5000, 7);
  const parts = encodeResponse(apis.fetch, 12, 1, {
    responses: [
      {
        topic: 't',
        partitions: [{ partitionIndex: 0, errorCode: 0, highWatermark: 5, records, abortedTransactions: null }],
      },
    ],
  });
  expect(parts).toContain(records);
  const frame = bare(parts);
  const answer = decodeResponse(apis.fetch, 12, frame);
  if (!answer.ok) throw new Error(answer.problem.sentence);
  const body: ResponseOf<typeof apis.fetch> = answer.value.body;
  const partition = body.responses[0]?.partitions[0];
  expect(partition?.records?.equals(records)).toBe(true);
  expect(partition?.records?.buffer).toBe(frame.buffer);
  expect(partition?.divergingEpoch).toEqual({ epoch: -1, endOffset: -1 });
  expect(partition?.abortedTransactions).toBe(null);
});

test('the size at the front counts everything after it, also around shared buffers', () => {
  const parts = encodeRequest(apis.produce, 9, header, {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: 't', partitionData: [{ index: 0, records: Buffer.alloc(100_000) }] }],
  });
  const whole = Buffer.concat(parts);
  expect(whole.readInt32BE(0)).toBe(whole.length - 4);
});

test('a value that does not fit its type is refused by name of the value', () => {
  expect(() => encodeResponse(apis.heartbeat, 4, 1, { errorCode: 70_000 })).toThrow(EncodeError);
  expect(() => encodeResponse(apis.heartbeat, 4, 1, { errorCode: Number.NaN })).toThrow('NaN');
});

test('unknown tagged fields are skipped, and a field that lies about its size is refused', () => {
  const body = Buffer.from(apis.heartbeat.response.encode(4, { errorCode: 0 }));
  const withTag = Buffer.concat([body.subarray(0, -1), Buffer.from([1, 99, 2, 0xaa, 0xbb])]);
  expect(apis.heartbeat.response.decode(withTag, 4)).toMatchObject({ ok: true, value: { errorCode: 0 } });
  const lying = Buffer.concat([body.subarray(0, -1), Buffer.from([1, 99, 3, 0xaa, 0xbb])]);
  expect(apis.heartbeat.response.decode(lying, 4)).toMatchObject({ ok: false });
});

test('an array that cannot fit its bytes is refused before it is made', () => {
  const body = Buffer.alloc(20);
  body.writeInt32BE(0x7fffffff, 0);
  expect(apis.metadata.request.decode(body, 1)).toMatchObject({ ok: false, problem: { kind: 'malformed' } });
});

test('a message of very many tiny elements is refused before they fill the heap', () => {
  const count = 5_000_000;
  const body = Buffer.alloc(4 + 2 * count + 1);
  body.writeInt32BE(count, 0);
  const before = process.memoryUsage().heapUsed;
  expect(apis.metadata.request.decode(body, 1)).toMatchObject({
    ok: false,
    problem: { sentence: expect.stringContaining('array elements') },
  });
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
});
