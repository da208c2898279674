import type { Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { RequestOf } from '../../protocol/zookeeper/index.ts';
import { errorCode } from '../../protocol/zookeeper/index.ts';
import type { NodeId } from '../../quorum/index.ts';
import { nodeId } from '../../quorum/index.ts';
import type { EnsembleServer } from '../../settings/index.ts';
import { serverOf } from '../../settings/index.ts';
import type { Member } from '../agreement/index.ts';

export const memberOf = ({ id, host, quorumPort }: EnsembleServer): Member => ({
  id: nodeId(id),
  address: { host, port: quorumPort },
});

/**
 * The text of `/zookeeper/config`: a line a server, then the version. Clients read the servers' addresses there.
 *
 * Source: QuorumMaj.toString.
 */
export function configText(servers: readonly EnsembleServer[], version: string, clientPort: number): string {
  const lines = [...servers]
    .sort((a, b) => a.id - b.id)
    .map((server) => {
      const client = `${server.clientHost ?? '0.0.0.0'}:${server.clientPort ?? clientPort}`;
      const host = server.host.includes(':') ? `[${server.host}]` : server.host;
      return `server.${server.id}=${host}:${server.quorumPort}:${server.electionPort}:${server.role};${client}`;
    });
  return [...lines, `version=${version}`].join('\n');
}

/** The number behind `version=`; 0 if there is none. */
export const versionOfConfig = (text: string): number =>
  Number.parseInt(/version=([0-9a-f]+)/.exec(text)?.[1] ?? '0', 16);

/** The servers of such a text; lines that are none are passed over. */
export function serversOfConfig(text: string): EnsembleServer[] {
  return text.split(/[\n,]/).flatMap((line) => {
    const match = /^\s*server\.(\d+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) return [];
    const server = serverOf(match[1]!, match[2]!);
    return typeof server === 'string' ? [] : [server];
  });
}

/**
 * The membership that a reconfig asks for.
 *
 * @returns badArguments for what cannot be read or leaves nobody
 *
 * Source: PrepRequestProcessor, case reconfig.
 */
export function wantedServers(
  request: RequestOf<'reconfig'>,
  current: readonly EnsembleServer[],
): Result<readonly EnsembleServer[], number> {
  let wanted: EnsembleServer[];
  if (request.newMembers !== undefined) wanted = serversOfConfig(request.newMembers);
  else {
    wanted = [...current];
    for (const id of (request.leavingServers ?? '').split(',').map((text) => text.trim())) {
      if (id === '') continue;
      if (!/^\d+$/.test(id)) return failure(errorCode.badArguments);
      wanted = wanted.filter((server) => server.id !== Number(id));
    }
    const joining = (request.joiningServers ?? '')
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '');
    for (const text of joining) {
      const [server] = serversOfConfig(text);
      if (server === undefined || server.clientPort === undefined) return failure(errorCode.badArguments);
      wanted = [...wanted.filter(({ id }) => id !== server.id), server];
    }
  }
  const participants = wanted.filter(({ role }) => role === 'participant');
  return participants.length === 0 ? failure(errorCode.badArguments) : success(wanted);
}

/** Voters one by one: who comes first, then who goes, the leader last. */
export function voterSteps(
  current: readonly NodeId[],
  wanted: readonly EnsembleServer[],
  leader: NodeId,
): ({ readonly add: Member } | { readonly remove: NodeId })[] {
  const participants = wanted.filter(({ role }) => role === 'participant');
  const wantedIds = new Set<number>(participants.map(({ id }) => id));
  const adds = participants
    .filter(({ id }) => !current.includes(nodeId(id)))
    .map((server) => ({ add: memberOf(server) }));
  const removes = current
    .filter((id) => !wantedIds.has(id))
    .sort((a, b) => Number(a === leader) - Number(b === leader));
  return [...adds, ...removes.map((id) => ({ remove: id }))];
}
