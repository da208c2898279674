import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { PartitionReplica } from '../replica/partition-replica.ts';
import type { RequestContext } from '../request/api-table.ts';
import type { Services } from './services.ts';

type Request = RequestOf<typeof apis.listOffsets>;
type PartitionRequest = Request['topics'][number]['partitions'][number];
type Response = ResponseInputOf<typeof apis.listOffsets>;
type PartitionAnswer = Response['topics'][number]['partitions'][number];

/** Special timestamps. Source: ListOffsetsRequest.java. */
const latest = -1;
const earliest = -2;
const maxTimestamp = -3;
const earliestLocal = -4;
const latestTiered = -5;
const readCommitted = 1;

/**
 * Offsets by time. Versions 0-10: 0 answered with a list, 1 one offset, 4 leader epochs, 7 the greatest timestamp (KIP-734),
 * 8 the earliest local offset (all of the log is local), 9 the latest tiered one (there is none). A timestamp that no
 * record reaches gives -1 without an error.
 *
 * Source: KafkaApis.handleListOffsetRequest.
 */
export async function listOffsets(services: Services, request: Request, context: RequestContext): Promise<Response> {
  const topics = await Promise.all(
    request.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        partitions.map((each) => lookUp(services, name, each, request.isolationLevel, context.apiVersion)),
      ),
    })),
  );
  return { topics };
}

async function lookUp(
  services: Services,
  topic: string,
  wanted: PartitionRequest,
  isolationLevel: number,
  version: number,
): Promise<PartitionAnswer> {
  const { partitionIndex, timestamp } = wanted;
  const refused = (code: number): PartitionAnswer => ({ partitionIndex, errorCode: code, oldStyleOffsets: [] });
  const replica = services.replicas.get(topic, partitionIndex);
  if (replica === undefined) {
    const isKnown = services.metadata.image.topics.get(topic)?.partitions[partitionIndex] !== undefined;
    return refused(isKnown ? errorCode.NOT_LEADER_OR_FOLLOWER : errorCode.UNKNOWN_TOPIC_OR_PARTITION);
  }
  const notLeading = replica.checkLeader(wanted.currentLeaderEpoch);
  if (notLeading?.kind === 'fencedLeaderEpoch') return refused(errorCode.FENCED_LEADER_EPOCH);
  if (notLeading?.kind === 'unknownLeaderEpoch') return refused(errorCode.UNKNOWN_LEADER_EPOCH);
  if (notLeading !== undefined) return refused(errorCode.NOT_LEADER_OR_FOLLOWER);
  try {
    const found = await offsetAt(replica, timestamp, isolationLevel);
    if (version === 0)
      return {
        partitionIndex,
        errorCode: errorCode.NONE,
        oldStyleOffsets: oldStyle(replica, timestamp, found?.offset, wanted.maxNumOffsets),
      };
    if (found === undefined) return { partitionIndex, errorCode: errorCode.NONE };
    return { partitionIndex, errorCode: errorCode.NONE, ...found };
  } catch (error) {
    services.logger.error(
      { topic, partition: partitionIndex, problem: (error as Error).message },
      'could not look an offset up',
    );
    return refused(errorCode.KAFKA_STORAGE_ERROR);
  }
}

type Found = { readonly offset: number; readonly timestamp: number; readonly leaderEpoch: number };

async function offsetAt(
  replica: PartitionReplica,
  timestamp: number,
  isolationLevel: number,
): Promise<Found | undefined> {
  const { log } = replica;
  const end = isolationLevel === readCommitted ? replica.lastStableOffset : replica.highWatermark;
  const at = (offset: number, time: number): Found => ({
    offset,
    timestamp: time,
    leaderEpoch: log.leaderEpochAt(offset) ?? -1,
  });
  switch (timestamp) {
    case latest:
      return { offset: end, timestamp: -1, leaderEpoch: replica.leaderEpoch };
    case earliest:
    case earliestLocal:
      return at(log.logStartOffset, -1);
    case latestTiered:
      return undefined;
    case maxTimestamp: {
      const found = await log.offsetOfGreatestTime(end);
      return found === undefined ? undefined : at(found.offset, found.timestamp);
    }
    default: {
      const found = timestamp < 0 ? undefined : await log.offsetOfTime(timestamp, end);
      return found === undefined ? undefined : at(found.offset, found.timestamp);
    }
  }
}

/** Version 0 asks for offsets before a time, newest first; clients use it for the two ends only. */
function oldStyle(
  { log, highWatermark }: PartitionReplica,
  timestamp: number,
  found: number | undefined,
  maxCount: number,
): number[] {
  const offsets = timestamp === latest ? [highWatermark, log.logStartOffset] : [found ?? log.logStartOffset];
  return [...new Set(offsets)].slice(0, Math.max(0, maxCount));
}
