import { createRequire } from 'node:module';
import { createRecordsBatch, metadataV12, Reader as PlatformaticReader, readRecordsBatch } from '@platformatic/kafka';
import {
  apis,
  batchAt,
  buildBatch,
  decodeRequest,
  encodeRequest,
  encodeResponse,
  FrameReader,
  parseRequestHeader,
  type ResponseInputOf,
  randomUuid,
  recordsOf,
  validateProduced,
} from '../../src/protocol/kafka/index.ts';

export const summary = 'our codecs of messages and record batches against those of @platformatic/kafka and kafkajs';

const measureMs = 400;
const rounds = 3;

/** Calls a second, the best of some rounds after a warm-up; a promise is waited for. */
async function rate(work: () => unknown): Promise<number> {
  let best = 0;
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < measureMs) {
      for (let turn = 0; turn < 8; turn++) {
        const result = work();
        if (result instanceof Promise) await result;
      }
      count += 8;
    }
    if (round > 0) best = Math.max(best, (count * 1000) / (performance.now() - start));
  }
  return best;
}

function report(what: string, unit: number, name: string, ours: number, theirs: Record<string, number>): void {
  const print = (callsPerSecond: number): string =>
    `${Math.round(callsPerSecond * unit).toLocaleString('en')} ${name}/s`;
  const others = Object.entries(theirs).map(
    ([other, value]) => `${other} ${print(value)} (${(ours / value).toFixed(1)}x)`,
  );
  process.stdout.write(`${what.padEnd(38)}${[print(ours).padStart(24), ...others].join('   ')}\n`);
}

/** A cluster of 100 topics of 10 partitions. */
function metadata(): ResponseInputOf<typeof apis.metadata> {
  return {
    brokers: [0, 1, 2].map((nodeId) => ({
      nodeId,
      host: `example-kafka-${nodeId}.example-kafka-brokers.svc`,
      port: 9092,
    })),
    clusterId: randomUuid(),
    controllerId: 1,
    topics: Array.from({ length: 100 }, (_, topic) => ({
      errorCode: 0,
      name: `topic-number-${topic}`,
      topicId: randomUuid(),
      partitions: Array.from({ length: 10 }, (_, partitionIndex) => ({
        errorCode: 0,
        partitionIndex,
        leaderId: partitionIndex % 3,
        leaderEpoch: 7,
        replicaNodes: [0, 1, 2],
        isrNodes: [0, 1, 2],
        offlineReplicas: [],
      })),
    })),
  };
}

const recordCount = 100;
const value = Buffer.alloc(1024, 'v');

async function messages(): Promise<void> {
  const body = metadata();
  const frame = (version: number): Buffer => Buffer.concat(encodeResponse(apis.metadata, version, 1, body)).subarray(4);
  const newest = frame(12).subarray(5);
  const oldest = frame(6).subarray(4);
  const kafkajs = createRequire(import.meta.url)('kafkajs/src/protocol/requests/metadata/v6/response.js') as {
    decode: (bytes: Buffer) => Promise<unknown>;
  };
  const perPartition = 1000;
  report(
    'Metadata 12, decode',
    perPartition,
    'partitions',
    await rate(() => apis.metadata.response.decode(newest, 12)),
    {
      '@platformatic/kafka': await rate(() => metadataV12.parseResponse(1, 3, 12, PlatformaticReader.from(newest))),
    },
  );
  report('Metadata 6, decode', perPartition, 'partitions', await rate(() => apis.metadata.response.decode(oldest, 6)), {
    kafkajs: await rate(() => kafkajs.decode(oldest)),
  });
  report(
    'Metadata 12, encode',
    perPartition,
    'partitions',
    await rate(() => encodeResponse(apis.metadata, 12, 1, body)),
    {},
  );
}

async function batches(): Promise<void> {
  const records = Array.from({ length: recordCount }, () => ({ key: null, value, timestampMs: 1_700_000_000_000 }));
  const theirs = Array.from({ length: recordCount }, () => ({ topic: 't', value, timestamp: 1_700_000_000_000n }));
  const batch = buildBatch({ records });
  report('a batch of 100 x 1 KiB, build', recordCount, 'records', await rate(() => buildBatch({ records })), {
    '@platformatic/kafka': await rate(() => createRecordsBatch(theirs as never, {}).buffer),
  });
  const open = (): unknown => {
    const found = batchAt(batch);
    return found.ok ? recordsOf(found.value, () => undefined) : undefined;
  };
  report('a batch of 100 x 1 KiB, open', recordCount, 'records', await rate(open), {
    '@platformatic/kafka': await rate(() => readRecordsBatch(PlatformaticReader.from(batch))),
  });
}

/** What a broker does with a Produce request, without the log: cut the frame, decode, check, patch, answer. */
async function produce(): Promise<void> {
  const records = Array.from({ length: 16 }, () => ({ key: null, value, timestampMs: 1_700_000_000_000 }));
  const batch = buildBatch({ records });
  const request = Buffer.concat(
    encodeRequest(
      apis.produce,
      9,
      { correlationId: 1, clientId: 'bench' },
      {
        acks: -1,
        timeoutMs: 1000,
        topicData: [{ name: 'my-topic', partitionData: [{ index: 0, records: batch }] }],
      },
    ),
  );
  const rules = { maxBatchBytes: 1_048_588, isZstdAllowed: true, areKeysRequired: false };
  const answered = (frame: Buffer): void => {
    const header = parseRequestHeader(frame);
    if (!header.ok) throw new Error(header.problem.sentence);
    const decoded = decodeRequest(apis.produce as never, 9, frame, header.value.bodyOffset);
    if (!decoded.ok) throw new Error(decoded.problem.sentence);
    const body = decoded.value as unknown as {
      topicData: { name: string; partitionData: { index: number; records: Buffer }[] }[];
    };
    const responses = body.topicData.map(({ name, partitionData }) => ({
      name,
      partitionResponses: partitionData.map(({ index, records: bytes }) => {
        const checked = validateProduced(bytes, rules, () => undefined);
        if (!checked.ok) throw new Error(checked.problem.sentence);
        checked.value.baseOffset = 12_345;
        checked.value.partitionLeaderEpoch = 3;
        return { index, errorCode: 0, baseOffset: 12_345, logStartOffset: 0 };
      }),
    }));
    encodeResponse(apis.produce, 9, header.value.correlationId, { responses });
  };
  const frames = new FrameReader(100_000_000);
  const perSecond = await rate(() => frames.push(request, answered));
  report('Produce of 16 KiB, all but the log', 1, 'requests', perSecond, {});
  process.stdout.write(`${''.padEnd(38)}${`${Math.round((perSecond * request.length) / 1e6)} MB/s`.padStart(24)}\n`);
}

export async function run(): Promise<void> {
  await messages();
  await batches();
  await produce();
}
