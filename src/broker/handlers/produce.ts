import type { AppendProblem } from '../../log/index.ts';
import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { LeaderProblem, PartitionReplica } from '../replica/partition-replica.ts';
import type { Answer, RequestContext } from '../request/api-table.ts';
import { isInternalTopic, type Services } from './services.ts';

type Request = RequestOf<typeof apis.produce>;
type PartitionAnswer = ResponseInputOf<typeof apis.produce>['responses'][number]['partitionResponses'][number];
type MutableAnswer = { -readonly [Name in keyof PartitionAnswer]: PartitionAnswer[Name] };

/** From this version on clients can read zstd (KIP-110). */
const zstdSince = 7;
const writers = {
  modern: { origin: 'client', isZstdAllowed: true },
  old: { origin: 'client', isZstdAllowed: false },
} as const;

/**
 * Appends one batch per partition. Versions 0-11: 3 the batch format, 8 record errors (KIP-467), 10 the new leader in the
 * answer (KIP-951). Message sets of versions 0-2 (magic 0 and 1) are refused per partition. Transactional batches too: this
 * broker has no transaction coordinator yet.
 *
 * acks=0: no answer, and the connection is closed if something failed, so that the client notices. acks=1: answered when
 * the batch is in the file. acks=all: when it is on the device, or with `hikube.durability=replicated` in every in-sync
 * replica's file.
 *
 * Source: KafkaApis.handleProduceRequest.
 */
export function produce(
  services: Services,
  request: Request,
  context: RequestContext,
): Answer<typeof apis.produce> | Promise<Answer<typeof apis.produce>> {
  const { acks } = request;
  if (acks !== 0 && acks !== 1 && acks !== -1) return refuseAll(request, errorCode.INVALID_REQUIRED_ACKS);
  if (request.transactionalId !== null) return refuseAll(request, errorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  const writer = context.apiVersion >= zstdSince ? writers.modern : writers.old;
  const mustSync = acks === -1 && services.isDurableOnDisk;
  let waiting = 0;
  let hasFailed = false;
  let resolve: ((answer: Answer<typeof apis.produce>) => void) | undefined;
  const responses: { name: string; partitionResponses: MutableAnswer[] }[] = [];
  const finish = (): Answer<typeof apis.produce> => {
    if (acks !== 0) return { responses };
    return hasFailed ? 'close' : 'noResponse';
  };
  for (const { name, partitionData } of request.topicData) {
    const partitionResponses: MutableAnswer[] = [];
    responses.push({ name, partitionResponses });
    for (const { index, records } of partitionData) {
      const answer: MutableAnswer = { index, errorCode: errorCode.NONE, baseOffset: -1, logStartOffset: -1 };
      partitionResponses.push(answer);
      const replica = services.replicas.get(name, index);
      if (replica === undefined || records === null || isInternalTopic(name)) {
        hasFailed = true;
        answer.errorCode = isInternalTopic(name)
          ? errorCode.INVALID_TOPIC_EXCEPTION
          : missing(services, name, index, records);
        continue;
      }
      if (acks === -1 && replica.isUnderMinimum) {
        hasFailed = true;
        answer.errorCode = errorCode.NOT_ENOUGH_REPLICAS;
        continue;
      }
      const outcome = replica.append(records, writer);
      if (!outcome.ok) {
        hasFailed = true;
        explain(answer, outcome.problem, replica);
        continue;
      }
      const { baseOffset, endOffset, logAppendTimeMs } = outcome.value;
      answer.baseOffset = baseOffset;
      answer.logAppendTimeMs = logAppendTimeMs;
      answer.logStartOffset = replica.log.logStartOffset;
      if (acks === 0) continue;
      waiting++;
      const reached = (problem?: AppendProblem): void => {
        if (problem !== undefined) {
          answer.baseOffset = -1;
          explain(answer, problem, replica);
        }
        if (--waiting === 0) resolve?.(finish());
      };
      if (mustSync) replica.log.whenSynced(endOffset, reached);
      else replica.log.whenWritten(endOffset, reached);
    }
  }
  if (waiting === 0) return finish();
  return new Promise((settled) => {
    resolve = settled;
  });
}

function missing({ metadata }: Services, topic: string, partition: number, records: Buffer | null): number {
  if (records === null) return errorCode.CORRUPT_MESSAGE;
  const isKnown = metadata.image.topics.get(topic)?.partitions[partition] !== undefined;
  return isKnown ? errorCode.NOT_LEADER_OR_FOLLOWER : errorCode.UNKNOWN_TOPIC_OR_PARTITION;
}

function explain(answer: MutableAnswer, problem: AppendProblem | LeaderProblem, replica: PartitionReplica): void {
  switch (problem.kind) {
    case 'invalidBatch':
      answer.errorCode = problem.code;
      answer.errorMessage = problem.detail;
      if (problem.recordIndexes !== undefined)
        answer.recordErrors = problem.recordIndexes.map((batchIndex) => ({
          batchIndex,
          batchIndexErrorMessage: problem.detail,
        }));
      return;
    case 'invalidProducerEpoch':
      answer.errorCode = errorCode.INVALID_PRODUCER_EPOCH;
      answer.errorMessage = `the producer's epoch is ${problem.received}, the partition has seen ${problem.expected}`;
      return;
    case 'outOfOrderSequence':
      answer.errorCode = errorCode.OUT_OF_ORDER_SEQUENCE_NUMBER;
      answer.errorMessage = `expected sequence ${problem.expected}, got ${problem.received}`;
      return;
    case 'invalidTransactionState':
      answer.errorCode = errorCode.INVALID_TXN_STATE;
      return;
    case 'storage':
      answer.errorCode = errorCode.KAFKA_STORAGE_ERROR;
      answer.errorMessage = problem.detail;
      return;
    case 'notLeader':
    case 'fencedLeaderEpoch':
    case 'unknownLeaderEpoch':
      answer.errorCode = errorCode.NOT_LEADER_OR_FOLLOWER;
      answer.currentLeader = { leaderId: replica.current.leader, leaderEpoch: replica.leaderEpoch };
      return;
  }
}

function refuseAll(request: Request, code: number): Answer<typeof apis.produce> {
  if (request.acks === 0) return 'close';
  return {
    responses: request.topicData.map(({ name, partitionData }) => ({
      name,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: code, baseOffset: -1 })),
    })),
  };
}
