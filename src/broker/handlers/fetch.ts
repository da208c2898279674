import { LogDamage } from '../../log/index.ts';
import {
  type apis,
  errorCode,
  type RequestOf,
  type ResponseInputOf,
  type Uuid,
  zeroUuid,
} from '../../protocol/kafka/index.ts';
import { FetchWait } from '../replica/fetch-wait.ts';
import type { LeaderProblem, PartitionReplica } from '../replica/partition-replica.ts';
import type { RequestContext } from '../request/api-table.ts';
import type { Services } from './services.ts';

type Request = RequestOf<typeof apis.fetch>;
type PartitionRequest = Request['topics'][number]['partitions'][number];
type Response = ResponseInputOf<typeof apis.fetch>;
type PartitionAnswer = Response['responses'][number]['partitions'][number];

/** From this version on topics are named by their id (KIP-516). */
const topicIdsSince = 13;
const readCommitted = 1;
const noRecords = Buffer.alloc(0);

const leaderCode = {
  notLeader: errorCode.NOT_LEADER_OR_FOLLOWER,
  fencedLeaderEpoch: errorCode.FENCED_LEADER_EPOCH,
  unknownLeaderEpoch: errorCode.UNKNOWN_LEADER_EPOCH,
} as const satisfies Record<LeaderProblem['kind'], number>;

type Wanted = { readonly topic: string; readonly topicId: Uuid; readonly partitions: readonly PartitionRequest[] };
type Filled = { readonly answer: Response; readonly sizeBytes: number; readonly hasError: boolean };

/**
 * Reads batches, and waits for more if there are fewer bytes than the client wants (long poll). Versions 4-17: 7 sessions
 * (KIP-227), 12 diverging epochs, 13 topic ids (KIP-516), 16 the new leader (KIP-951). Sessions are never made: each request
 * names all its partitions, which the protocol allows. Nobody follows yet, so requests of replicas are refused.
 *
 * Whole batches only; at least one batch for the first partition that has any, however small the limits.
 *
 * Source: KafkaApis.handleFetchRequest, DelayedFetch.scala.
 */
export function fetch(services: Services, request: Request, context: RequestContext): Response | Promise<Response> {
  if (request.sessionId !== 0 && request.sessionEpoch > 0)
    return { errorCode: errorCode.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [] };
  const isReplica = request.replicaId >= 0 || request.replicaState.replicaId >= 0;
  const byId = context.apiVersion >= topicIdsSince;
  const wanted = request.topics.map(({ topic, topicId, partitions }): Wanted => {
    const name = byId ? (services.metadata.image.namesById.get(topicId) ?? '') : topic;
    return { topic: name, topicId: byId ? topicId : zeroUuid, partitions };
  });
  const maxBytes = Math.min(request.maxBytes, services.settings.get('fetch.max.bytes'));
  const fillAgain = (): Filled | Promise<Filled> => fill(services, wanted, request, { isReplica, byId, maxBytes });
  const filled = fillAgain();
  if (filled instanceof Promise)
    return filled.then((settled) => answerOrWait(services, request, wanted, settled, context, fillAgain));
  return answerOrWait(services, request, wanted, filled, context, fillAgain);
}

function answerOrWait(
  services: Services,
  request: Request,
  wanted: readonly Wanted[],
  first: Filled,
  context: RequestContext,
  fillAgain: () => Filled | Promise<Filled>,
): Response | Promise<Response> {
  const isEnough = (filled: Filled): boolean => filled.hasError || filled.sizeBytes >= request.minBytes;
  if (isEnough(first) || request.maxWaitMs <= 0) return first.answer;
  const { clock } = services;
  const deadlineMs = clock.monotonicMs() + request.maxWaitMs;
  return new Promise((resolve, reject) => {
    const waitOn = (): void => {
      const wait = new FetchWait(() => {
        timer.cancel();
        void again();
      });
      const timer = clock.after(Math.max(1, deadlineMs - clock.monotonicMs()), () => wait.wake());
      for (const { topic, partitions } of wanted) {
        for (const { partition } of partitions) {
          const replica = services.replicas.get(topic, partition);
          if (replica !== undefined) wait.joinList(replica.waits);
        }
      }
    };
    const again = async (): Promise<void> => {
      try {
        const filled = await fillAgain();
        if (isEnough(filled) || clock.monotonicMs() >= deadlineMs || !context.connection.isOpen) resolve(filled.answer);
        else waitOn();
      } catch (error) {
        reject(error as Error);
      }
    };
    waitOn();
  });
}

function fill(
  services: Services,
  wanted: readonly Wanted[],
  request: Request,
  mode: { readonly isReplica: boolean; readonly byId: boolean; readonly maxBytes: number },
): Filled | Promise<Filled> {
  const responses: { topic: string; topicId: Uuid; partitions: PartitionAnswer[] }[] = [];
  const state = { left: mode.maxBytes, sizeBytes: 0, hasError: false };
  const steps: {
    readonly partitions: PartitionAnswer[];
    readonly index: number;
    readonly pending: Promise<PartitionAnswer>;
  }[] = [];
  const take = (answer: PartitionAnswer): PartitionAnswer => {
    const size = sizeOf(answer.records);
    state.left -= size;
    state.sizeBytes += size;
    if (answer.errorCode !== errorCode.NONE) state.hasError = true;
    return answer;
  };
  for (const { topic, topicId, partitions } of wanted) {
    const answers: PartitionAnswer[] = [];
    responses.push({ topic, topicId, partitions: answers });
    for (const each of partitions) {
      if (mode.byId && topic === '') {
        answers.push(take(refused(each.partition, errorCode.UNKNOWN_TOPIC_ID)));
        continue;
      }
      // Cold reads share what is left by their own limits; the sum may pass the limit by what is read at once.
      const answer = readPartition(
        services,
        topic,
        each,
        request.isolationLevel,
        mode.isReplica,
        state.left,
        state.sizeBytes === 0 && steps.length === 0,
      );
      if (answer instanceof Promise) {
        steps.push({ partitions: answers, index: answers.length, pending: answer });
        answers.push(refused(each.partition, errorCode.NONE));
        state.left -= each.partitionMaxBytes;
      } else answers.push(take(answer));
    }
  }
  const answer: Response = { errorCode: errorCode.NONE, sessionId: 0, responses };
  const done = (): Filled => ({ answer, sizeBytes: state.sizeBytes, hasError: state.hasError });
  if (steps.length === 0) return done();
  return Promise.all(
    steps.map(async ({ partitions, index, pending }) => {
      partitions[index] = take(await pending);
    }),
  ).then(done);
}

const sizeOf = (records: PartitionAnswer['records']): number => {
  if (records === null || records === undefined) return 0;
  if (Buffer.isBuffer(records)) return records.length;
  let size = 0;
  for (const each of records) size += each.length;
  return size;
};

function readPartition(
  services: Services,
  topic: string,
  wanted: PartitionRequest,
  isolationLevel: number,
  isReplica: boolean,
  leftBytes: number,
  isFirst: boolean,
): PartitionAnswer | Promise<PartitionAnswer> {
  const { partition, fetchOffset } = wanted;
  const replica = services.replicas.get(topic, partition);
  if (replica === undefined) {
    const isKnown = services.metadata.image.topics.get(topic)?.partitions[partition] !== undefined;
    return refused(partition, isKnown ? errorCode.NOT_LEADER_OR_FOLLOWER : errorCode.UNKNOWN_TOPIC_OR_PARTITION);
  }
  if (isReplica) return refused(partition, errorCode.NOT_LEADER_OR_FOLLOWER);
  const notLeading = replica.checkLeader(wanted.currentLeaderEpoch);
  if (notLeading !== undefined) {
    return {
      ...refused(partition, leaderCode[notLeading.kind]),
      currentLeader: { leaderId: replica.current.leader, leaderEpoch: replica.leaderEpoch },
    };
  }
  const { log } = replica;
  if (wanted.lastFetchedEpoch >= 0) {
    const diverging = divergence(replica, wanted);
    if (diverging !== undefined) return { ...withMarks(replica, isolationLevel, noRecords), divergingEpoch: diverging };
  }
  if (fetchOffset < log.logStartOffset || fetchOffset > replica.highWatermark)
    return { ...refused(partition, errorCode.OFFSET_OUT_OF_RANGE), logStartOffset: log.logStartOffset };
  const endOffset = isolationLevel === readCommitted ? replica.lastStableOffset : replica.highWatermark;
  const maxBytes = Math.min(wanted.partitionMaxBytes, leftBytes);
  // A later partition gets nothing when the answer is full; the first one always gets a batch.
  if ((maxBytes <= 0 && !isFirst) || fetchOffset >= endOffset) return withMarks(replica, isolationLevel, noRecords);
  const failed = (error: unknown): PartitionAnswer => {
    const problem = (error as Error).message;
    services.logger.error({ topic, partition, offset: fetchOffset, problem }, 'could not read from a log');
    return refused(partition, error instanceof LogDamage ? errorCode.CORRUPT_MESSAGE : errorCode.KAFKA_STORAGE_ERROR);
  };
  const answer = (buffers: readonly Buffer[]): PartitionAnswer =>
    withMarks(replica, isolationLevel, cut(buffers, maxBytes, isFirst));
  try {
    const read = log.read(fetchOffset, endOffset, Math.max(0, maxBytes));
    return read instanceof Promise ? read.then(answer, failed) : answer(read);
  } catch (error) {
    return failed(error);
  }
}

/** A log always gives one batch; a partition that is not the first of the answer must keep to what is left. */
function cut(buffers: readonly Buffer[], maxBytes: number, isFirst: boolean): readonly Buffer[] {
  const [first] = buffers;
  return first !== undefined && first.length > maxBytes && !isFirst ? [] : buffers;
}

function withMarks(
  replica: PartitionReplica,
  isolationLevel: number,
  records: Buffer | readonly Buffer[],
): PartitionAnswer {
  return {
    partitionIndex: replica.partition,
    errorCode: errorCode.NONE,
    highWatermark: replica.highWatermark,
    lastStableOffset: replica.lastStableOffset,
    logStartOffset: replica.log.logStartOffset,
    // Null for readers of everything, a list for readers of what is committed: clients tell them apart.
    abortedTransactions: isolationLevel === readCommitted ? [] : null,
    records,
  };
}

/** The client's history is not ours: where it must go back to. Source: Partition.readRecords, KIP-595. */
function divergence(
  replica: PartitionReplica,
  wanted: PartitionRequest,
): { epoch: number; endOffset: number } | undefined {
  const end = replica.endOffsetOf(wanted.lastFetchedEpoch);
  if (end === undefined) return undefined;
  if (end.epoch < wanted.lastFetchedEpoch || end.endOffset < wanted.fetchOffset) return end;
  return undefined;
}

const refused = (partitionIndex: number, code: number): PartitionAnswer => ({
  partitionIndex,
  errorCode: code,
  highWatermark: -1,
  abortedTransactions: null,
  // Empty, not null: some clients cannot read null.
  records: noRecords,
});
