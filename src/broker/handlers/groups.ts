import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { RequestContext } from '../request/api-table.ts';
import { askCoordinator, askHosted } from './group-requests.ts';
import type { Services } from './services.ts';

type Request<Name extends keyof typeof apis> = RequestOf<(typeof apis)[Name]>;
type Response<Name extends keyof typeof apis> = ResponseInputOf<(typeof apis)[Name]>;

// The classic group calls: what they mean is the coordinator's; here only where they go and how a refusal is shaped.

/** Versions 0-9: 4 asks a new member to come again with the id it gets, 5 static members (KIP-345), 9 skipAssignment. */
export const joinGroup = (
  services: Services,
  request: Request<'joinGroup'>,
  context: RequestContext,
): Promise<Response<'joinGroup'>> =>
  askCoordinator(
    services,
    'joinGroup',
    request.groupId,
    context,
    (coordinator, caller, nowMs) => coordinator.joinGroup(caller, request, nowMs),
    (code) => ({
      errorCode: code,
      generationId: -1,
      protocolName: context.apiVersion >= 7 ? null : '',
      leader: '',
      memberId: request.memberId,
      members: [],
    }),
  );

/** Versions 0-5: 3 static members, 5 the protocol's name and type (KIP-559). */
export const syncGroup = (
  services: Services,
  request: Request<'syncGroup'>,
  context: RequestContext,
): Promise<Response<'syncGroup'>> =>
  askCoordinator(
    services,
    'syncGroup',
    request.groupId,
    context,
    (coordinator, caller, nowMs) => coordinator.syncGroup(caller, request, nowMs),
    (code) => ({ errorCode: code, assignment: Buffer.alloc(0) }),
  );

/** Versions 0-4: 3 static members. */
export const heartbeat = (
  services: Services,
  request: Request<'heartbeat'>,
  context: RequestContext,
): Promise<Response<'heartbeat'>> =>
  askCoordinator(
    services,
    'heartbeat',
    request.groupId,
    context,
    (coordinator, caller, nowMs) => coordinator.heartbeat(caller, request, nowMs),
    (code) => ({ errorCode: code }),
  );

/** Versions 0-5: 3 several members at once (KIP-345). */
export const leaveGroup = (
  services: Services,
  request: Request<'leaveGroup'>,
  context: RequestContext,
): Promise<Response<'leaveGroup'>> =>
  askCoordinator(
    services,
    'leaveGroup',
    request.groupId,
    context,
    (coordinator, caller, nowMs) => coordinator.leaveGroup(caller, request, nowMs),
    (code) => ({ errorCode: code, members: [] }),
  );

/** Versions 0-9: 6 leader epochs, 7 static members. Partitions that do not exist are refused one by one. */
export async function offsetCommit(
  services: Services,
  request: Request<'offsetCommit'>,
  context: RequestContext,
): Promise<Response<'offsetCommit'>> {
  const { image } = services.metadata;
  const isKnown = (topic: string, partition: number): boolean =>
    image.topics.get(topic)?.partitions[partition] !== undefined;
  const known = request.topics.flatMap((topic) => {
    const partitions = topic.partitions.filter(({ partitionIndex }) => isKnown(topic.name, partitionIndex));
    return partitions.length === 0 ? [] : [{ ...topic, partitions }];
  });
  const shaped = (codeOf: (topic: string, partition: number) => number): Response<'offsetCommit'> => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: codeOf(name, partitionIndex) })),
    })),
  });
  const hasUnknown = request.topics.some(({ name, partitions }) =>
    partitions.some(({ partitionIndex }) => !isKnown(name, partitionIndex)),
  );
  if (known.length === 0 && hasUnknown) return shaped(() => errorCode.UNKNOWN_TOPIC_OR_PARTITION);
  const answer = await askCoordinator(
    services,
    'offsetCommit',
    request.groupId,
    context,
    (coordinator, caller, nowMs) => coordinator.offsetCommit(caller, { ...request, topics: known }, nowMs),
    (code) => shaped(() => code),
  );
  if (!hasUnknown) return answer;
  const codes = new Map(
    answer.topics.flatMap(({ name, partitions }) =>
      partitions.map((each) => [`${name}-${each.partitionIndex}`, each.errorCode] as const),
    ),
  );
  return shaped((topic, partition) => codes.get(`${topic}-${partition}`) ?? errorCode.UNKNOWN_TOPIC_OR_PARTITION);
}

const batchedSince = 8;

/** Versions 0-9: 2 null for all topics, 7 requireStable, 8 several groups (KIP-709). Unknown groups and partitions give -1. */
export function offsetFetch(
  services: Services,
  request: Request<'offsetFetch'>,
  context: RequestContext,
): Response<'offsetFetch'> {
  const isBatched = context.apiVersion >= batchedSince;
  const wanted = isBatched ? request.groups : [{ groupId: request.groupId, topics: request.topics }];
  const groups = wanted.map(({ groupId, topics }) => {
    const found = services.groups.find(groupId);
    if (found.kind === 'error') return { groupId, topics: [], errorCode: found.code };
    return found.hosted.reads.offsetFetch({ groupId, topics, requireStable: request.requireStable });
  });
  if (isBatched) return { groups };
  const [group] = groups;
  const code = group?.errorCode ?? errorCode.NONE;
  if (context.apiVersion >= 2) return { topics: group?.topics ?? [], errorCode: code };
  // Versions 0 and 1 have no place for a group's error but in its partitions.
  if (code === errorCode.NONE) return { topics: group?.topics ?? [] };
  return {
    topics: (request.topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: -1,
        metadata: '',
        errorCode: code,
      })),
    })),
  };
}

/** Versions 0-5. A group that does not exist is described as Dead, without an error. */
export function describeGroups(services: Services, request: Request<'describeGroups'>): Response<'describeGroups'> {
  return {
    groups: request.groups.map((groupId) => {
      const found = services.groups.find(groupId);
      if (found.kind === 'coordinator') return found.hosted.reads.describeGroup(groupId);
      return { errorCode: found.code, groupId, groupState: '', protocolType: '', protocolData: '', members: [] };
    }),
  };
}

/** Versions 0-5: 4 by state (KIP-518), 5 by type. Only the groups that this broker coordinates: clients ask all brokers. */
export function listGroups(services: Services, request: Request<'listGroups'>): Response<'listGroups'> {
  const lower = (names: readonly string[]): ReadonlySet<string> => new Set(names.map((each) => each.toLowerCase()));
  const states = lower(request.statesFilter);
  const types = lower(request.typesFilter);
  const groups = services.groups.loaded().flatMap((hosted) =>
    hosted.reads.listGroups().filter(({ groupState, groupType }) => {
      const isOfState = states.size === 0 || states.has((groupState ?? '').toLowerCase());
      return isOfState && (types.size === 0 || types.has((groupType ?? 'classic').toLowerCase()));
    }),
  );
  return { errorCode: services.groups.isLoading ? errorCode.COORDINATOR_LOAD_IN_PROGRESS : errorCode.NONE, groups };
}

/** Versions 0-2. A group is deleted when it has no members. */
export async function deleteGroups(
  services: Services,
  request: Request<'deleteGroups'>,
  context: RequestContext,
): Promise<Response<'deleteGroups'>> {
  const results = await Promise.all(
    request.groupsNames.map(async (groupId) => {
      const found = services.groups.find(groupId);
      if (found.kind === 'error') return [{ groupId, errorCode: found.code }];
      const answer = await askHosted(found.hosted, 'deleteGroups', context, (coordinator, caller, nowMs) =>
        coordinator.deleteGroups(caller, [groupId], nowMs),
      );
      return answer.results;
    }),
  );
  return { results: results.flat() };
}

/** Version 0. Offsets of topics that a member subscribes to stay. */
export const offsetDelete = (
  services: Services,
  request: Request<'offsetDelete'>,
  context: RequestContext,
): Promise<Response<'offsetDelete'>> =>
  askCoordinator(
    services,
    'offsetDelete',
    request.groupId,
    context,
    (coordinator, caller, nowMs) => coordinator.offsetDelete(caller, request, nowMs),
    (code) => ({ errorCode: code, topics: [] }),
  );
