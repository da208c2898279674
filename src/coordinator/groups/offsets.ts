import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { CoordinatorRecord } from '../effects.ts';
import type { CommittedOffset } from './committed-offsets.ts';
import { type Context, coordinatorError, memberProblem } from './context.ts';
import type { Group } from './group.ts';
import type { Caller, FetchedGroup, OffsetQuery } from './group-coordinator.ts';
import { heard } from './rebalance.ts';
import { offsetRecord } from './records.ts';
import { type Dropped, dropOffset, storeTombstones } from './removal.ts';
import { subscribedTopics } from './subscription.ts';

type CommitRequest = RequestOf<typeof apis.offsetCommit>;
type TxnCommitRequest = RequestOf<typeof apis.txnOffsetCommit>;
type CommitTopics = ResponseInputOf<typeof apis.offsetCommit>['topics'];

type Committer = { readonly memberId: string; readonly groupInstanceId: string | null; readonly generation: number };
type Accepted = { readonly topic: string; readonly partition: number; readonly committed: CommittedOffset };

/** OffsetCommit, versions 0 to 9. Source: OffsetMetadataManager.commitOffset. */
export function offsetCommit(context: Context, caller: Caller, request: CommitRequest, nowMs: number): void {
  const committer: Committer = { ...request, generation: request.generationIdOrMemberEpoch };
  const answer = (topics: CommitTopics): void =>
    context.outbox.reply(caller.ticket, { api: 'offsetCommit', body: { topics } });
  const found = groupForCommit(context, request.groupId, committer, false);
  if (typeof found === 'number') {
    answer(codeForAll(request.topics, found));
    return;
  }
  const member = found.members.get(committer.memberId);
  if (member !== undefined && found.state !== 'empty') heard(member, nowMs);
  const { retentionTimeMs } = request;
  const expiresMs = retentionTimeMs >= 0 ? nowMs + retentionTimeMs : undefined;
  const { accepted, codes } = accept(context, request.topics, (partition) => ({
    offset: partition.committedOffset,
    leaderEpoch: partition.committedLeaderEpoch,
    metadata: partition.committedMetadata ?? '',
    committedMs: partition.commitTimestamp >= 0 ? partition.commitTimestamp : nowMs,
    expiresMs,
  }));
  if (accepted.length === 0) {
    answer(codes(errorCode.NONE));
    return;
  }
  context.outbox.append(recordsOf(found.id, accepted), {
    committed: () => {
      const group = liveGroup(context, found);
      for (const { topic, partition, committed } of accepted) group.offsets.set(topic, partition, committed);
      answer(codes(errorCode.NONE));
    },
    notCommitted: (code) => answer(codes(commitError(code))),
  });
}

/** TxnOffsetCommit, versions 0 to 4. The offsets hold once the transaction commits. */
export function txnOffsetCommit(context: Context, caller: Caller, request: TxnCommitRequest, nowMs: number): void {
  const committer: Committer = { ...request, generation: request.generationId };
  const answer = (topics: CommitTopics): void =>
    context.outbox.reply(caller.ticket, { api: 'txnOffsetCommit', body: { topics } });
  const found = groupForCommit(context, request.groupId, committer, true);
  if (typeof found === 'number') {
    answer(codeForAll(request.topics, found));
    return;
  }
  const { accepted, codes } = accept(context, request.topics, (partition) => ({
    offset: partition.committedOffset,
    leaderEpoch: partition.committedLeaderEpoch,
    metadata: partition.committedMetadata ?? '',
    committedMs: nowMs,
    expiresMs: undefined,
  }));
  if (accepted.length === 0) {
    answer(codes(errorCode.NONE));
    return;
  }
  const { producerId, producerEpoch } = request;
  context.outbox.append(
    recordsOf(found.id, accepted),
    {
      committed: () => {
        const group = liveGroup(context, found);
        for (const { topic, partition, committed } of accepted) {
          group.offsets.setPending(producerId, topic, partition, committed);
        }
        answer(codes(errorCode.NONE));
      },
      notCommitted: (code) => answer(codes(commitError(code))),
    },
    { producerId, producerEpoch },
  );
}

/** @returns the group, made anew for somebody who manages partitions alone; or why the commit is refused */
function groupForCommit(
  context: Context,
  groupId: string,
  committer: Committer,
  isTransactional: boolean,
): Group | number {
  const group = context.groups.get(groupId);
  if (group === undefined) {
    if (committer.generation >= 0) return errorCode.ILLEGAL_GENERATION;
    return context.createGroup(groupId);
  }
  // Administrators and consumers without a group commit with no generation; only while nobody else is there.
  if (committer.generation < 0 && group.state === 'empty') return group;
  const isMember = committer.generation >= 0 || committer.memberId !== '' || committer.groupInstanceId !== null;
  if (isMember) {
    const problem = memberProblem(group, committer.memberId, committer.groupInstanceId);
    if (problem !== errorCode.NONE) return problem;
    if (committer.generation !== group.generation) return errorCode.ILLEGAL_GENERATION;
  } else if (!isTransactional) {
    return errorCode.UNKNOWN_MEMBER_ID;
  }
  return !isTransactional && group.state === 'completing' ? errorCode.REBALANCE_IN_PROGRESS : group;
}

/** The group may have been deleted and made again while its offsets were being stored. */
const liveGroup = (context: Context, group: Group): Group =>
  context.groups.get(group.id) ?? context.createGroup(group.id);

type PartitionOf<Topics> = Topics extends readonly { readonly partitions: readonly (infer Each)[] }[] ? Each : never;

function accept<
  Topic extends { name: string; partitions: { partitionIndex: number; committedMetadata: string | null }[] },
>(
  context: Context,
  topics: readonly Topic[],
  committedOf: (partition: PartitionOf<Topic[]>) => CommittedOffset,
): { readonly accepted: readonly Accepted[]; readonly codes: (code: number) => CommitTopics } {
  const tooLarge = (partition: { committedMetadata: string | null }): boolean =>
    Buffer.byteLength(partition.committedMetadata ?? '') > context.settings.offsetMetadataMaxBytes;
  const accepted = topics.flatMap((topic) =>
    topic.partitions
      .filter((partition) => !tooLarge(partition))
      .map((partition) => ({
        topic: topic.name,
        partition: partition.partitionIndex,
        committed: committedOf(partition as PartitionOf<Topic[]>),
      })),
  );
  const codes = (code: number): CommitTopics =>
    topics.map((topic) => ({
      name: topic.name,
      partitions: topic.partitions.map((partition) => ({
        partitionIndex: partition.partitionIndex,
        errorCode: tooLarge(partition) ? errorCode.OFFSET_METADATA_TOO_LARGE : code,
      })),
    }));
  return { accepted, codes };
}

const recordsOf = (groupId: string, accepted: readonly Accepted[]): CoordinatorRecord[] =>
  accepted.map(({ topic, partition, committed }) => offsetRecord(groupId, topic, partition, committed));

const codeForAll = (
  topics: readonly { readonly name: string; readonly partitions: readonly { readonly partitionIndex: number }[] }[],
  code: number,
): CommitTopics =>
  topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })),
  }));

function commitError(code: number): number {
  const meaning = coordinatorError(code);
  return meaning === errorCode.UNKNOWN_SERVER_ERROR ? errorCode.INVALID_COMMIT_OFFSET_SIZE : meaning;
}

/** Offsets of one group for OffsetFetch. What was never committed is -1 and no error; a group is not made by looking. */
export function fetchOffsets(context: Context, query: OffsetQuery): FetchedGroup {
  const offsets = context.groups.get(query.groupId)?.offsets;
  const lookUp = (topic: string, partition: number): FetchedGroup['topics'][number]['partitions'][number] => {
    if (query.requireStable && offsets?.isPending(topic, partition)) {
      return { ...nothing, partitionIndex: partition, errorCode: errorCode.UNSTABLE_OFFSET_COMMIT };
    }
    const found = offsets?.get(topic, partition);
    if (found === undefined) return { ...nothing, partitionIndex: partition };
    const { offset, leaderEpoch, metadata } = found;
    return {
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode: errorCode.NONE,
    };
  };
  const wanted = query.topics ?? allTopics(offsets);
  return {
    groupId: query.groupId,
    errorCode: errorCode.NONE,
    topics: wanted.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partition) => lookUp(name, partition)),
    })),
  };
}

const nothing = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: errorCode.NONE } as const;

function allTopics(offsets: Group['offsets'] | undefined): { name: string; partitionIndexes: number[] }[] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of offsets?.all() ?? []) {
    const partitions = topics.get(topic);
    if (partitions === undefined) topics.set(topic, [partition]);
    else partitions.push(partition);
  }
  return [...topics].map(([name, partitionIndexes]) => ({ name, partitionIndexes }));
}

/** OffsetDelete, version 0: offsets of topics that no member reads. Source: OffsetMetadataManager.deleteOffsets. */
export function offsetDelete(context: Context, caller: Caller, request: RequestOf<typeof apis.offsetDelete>): void {
  const answer = (body: ResponseInputOf<typeof apis.offsetDelete>): void =>
    context.outbox.reply(caller.ticket, { api: 'offsetDelete', body });
  const group = context.groups.get(request.groupId);
  if (group === undefined) {
    answer({ errorCode: errorCode.GROUP_ID_NOT_FOUND, topics: [] });
    return;
  }
  const subscribed = group.state === 'empty' ? new Set<string>() : subscribedTopics(group);
  if (subscribed === undefined) {
    answer({ errorCode: errorCode.NON_EMPTY_GROUP, topics: [] });
    return;
  }
  const dropped: Dropped[] = [];
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => {
      if (subscribed.has(name)) return { partitionIndex, errorCode: errorCode.GROUP_SUBSCRIBED_TO_TOPIC };
      if (group.offsets.get(name, partitionIndex) !== undefined) dropped.push(dropOffset(group, name, partitionIndex));
      return { partitionIndex, errorCode: errorCode.NONE };
    }),
  }));
  storeTombstones(context, dropped, [], (code) =>
    answer({ errorCode: code, topics: code === errorCode.NONE ? topics : [] }),
  );
}
