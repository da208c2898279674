import type { Caller, Effect, GroupCoordinator, Reply, Ticket } from '../../coordinator/index.ts';
import type { HostedPartition } from '../groups/groups.ts';
import type { RequestContext } from '../request/api-table.ts';
import type { Services } from './services.ts';

type Named<Name extends Reply['api']> = Extract<Reply, { api: Name }>['body'];

export const callerOf = (context: RequestContext, ticket: Ticket): Caller => ({
  ticket,
  apiVersion: context.apiVersion,
  clientId: context.clientId ?? '',
  clientHost: context.clientHost,
});

/**
 * Gives a request to the coordinator of its group.
 *
 * @param refused  the answer when this broker does not coordinate the group, or not yet
 */
export async function askCoordinator<Name extends Reply['api']>(
  services: Services,
  name: Name,
  groupId: string,
  context: RequestContext,
  command: (coordinator: GroupCoordinator, caller: Caller, nowMs: number) => readonly Effect[],
  refused: (code: number) => Named<Name>,
): Promise<Named<Name>> {
  const found = services.groups.find(groupId);
  if (found.kind === 'error') return refused(found.code);
  return askHosted(found.hosted, name, context, command);
}

export async function askHosted<Name extends Reply['api']>(
  hosted: HostedPartition,
  name: Name,
  context: RequestContext,
  command: (coordinator: GroupCoordinator, caller: Caller, nowMs: number) => readonly Effect[],
): Promise<Named<Name>> {
  const reply = await hosted.ask((coordinator, ticket, nowMs) =>
    command(coordinator, callerOf(context, ticket), nowMs),
  );
  if (reply.api !== name)
    throw new Error(`broken assumption: a coordinator answers ${name} with ${name}, not with ${reply.api}`);
  return reply.body as Named<Name>;
}
