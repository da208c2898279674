/** The only writes to ensembles: one server joins or leaves, asked for over the client protocol. */
import type { Clock, Logger, Network, Random } from '../../base/index.ts';
import { ZooKeeperClient } from '../../client/zookeeper/index.ts';
import type { SuperUser } from '../desired/super-user.ts';
import { superUserName } from '../desired/super-user.ts';
import { serverAddress } from '../desired/zookeeper.ts';
import { serverAddressOf } from '../observe/zookeeper.ts';
import type { Action } from '../plan/action.ts';

/** A new voter has caught up before it is proposed, so an answer comes soon or not at all. */
const answerMs = 8_000;
const sessionTimeoutMs = 6_000;

type Deps = {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

/**
 * Asks the leader, and nobody else: one that has handed over meanwhile says so by closing the connection.
 *
 * @returns why it was not done, or is not known to be; undefined: it is done
 */
export async function changeMembers(
  { ensemble, leader, step, version }: Extract<Action, { kind: 'changeMembers' }>,
  superUser: SuperUser,
  deps: Deps,
): Promise<string | undefined> {
  const auth = [{ scheme: 'digest', auth: Buffer.from(`${superUserName}:${superUser.password}`) }];
  const client = new ZooKeeperClient(
    { servers: [serverAddressOf(ensemble, leader)], sessionTimeoutMs, auth },
    { ...deps, logger: deps.logger.child({ ensemble: ensemble.name }) },
  );
  const change =
    step.kind === 'join'
      ? { joiningServers: `server.${step.id}=${serverAddress(ensemble, step.id, step.as)}` }
      : { leavingServers: String(step.id) };
  const late = Promise.withResolvers<'late'>();
  const timer = deps.clock.after(answerMs, () => late.resolve('late'));
  const answer = await Promise.race([client.reconfig({ ...change, currentConfigId: version }), late.promise]);
  timer.cancel();
  await client.close();
  if (answer === 'late') return 'the ensemble did not answer in time';
  if (answer.ok) return undefined;
  switch (answer.problem.kind) {
    case 'connectionLoss':
      return 'the leader is handing over';
    case 'newConfigNoQuorum':
      return 'too few servers have caught up, or the leader is handing over';
    case 'reconfigInProgress':
      return 'another change is under way';
    case 'badVersion':
      return 'somebody else has changed the membership';
    case 'noAuth':
      return 'the servers do not know the present password of the super user, they have to be restarted';
    default:
      return answer.problem.sentence;
  }
}
