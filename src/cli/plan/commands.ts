import type { Result } from '../../base/index.ts';
import { KafkaAdmin, KafkaClient } from '../../client/kafka/index.ts';
import {
  type ClusterState,
  explain,
  type Model,
  modelOf,
  type Operation,
  type Plan,
  type PlanDocument,
  type PlanEnd,
  planDocument,
  planEndOf,
  reassignmentJson,
  verify,
} from '../../placement/index.ts';
import { type BorderProblem, clusterLines } from '../../placement/json/index.ts';
import { planInThread } from '../../placement/thread/index.ts';
import { createLogger, nodeNetwork, systemClock, systemRandom } from '../../platform/index.ts';
import type { Flags } from '../plan.ts';
import { clusterFromFile } from './cluster-file.ts';
import { cancel, execute } from './execute.ts';
import { flagOf, InputError, idsOf, mannerFor, namesOf, numberOf, planOptionsOf } from './options.ts';
import { progressWriter } from './progress.ts';
import { readRates, withRates } from './rates-file.ts';
import { bytes, duration, planJson, planText } from './render.ts';
import { clusterFromBrokers } from './source.ts';
import { stage } from './stage.ts';
import { defaultStatePath, type KeptPlan, type Manner, readState, removeState, writeState } from './state-file.ts';

/** While copies run, the cluster is asked this often; copies that are held back take long enough to be asked less. */
const pollMs = { throttled: 1000, unthrottled: 500 };
/** What a call may take, with its retries; carrying a plan out asks again for longer, and says so. */
const answerMs = 15_000;
/** So soon somebody wants to know that the address is wrong. */
const firstAnswerMs = 5000;

/** Plans, shows, and (told so) carries out. */
export async function planAndShow(operation: Operation, flags: Flags): Promise<number> {
  const options = planOptionsOf(flags);
  return await withCluster(flags, async (state, admin) => {
    if (flags.output === 'cluster') {
      for (const line of clusterLines(state)) process.stdout.write(`${line}\n`);
      return 0;
    }
    const model = modelOf(state);
    const earlier = flags.earlier === undefined ? undefined : await endOf(flags.earlier, model, operation);
    const what = `planning ${model.topicOf.length} partitions on ${model.brokerIds.length} brokers`;
    const result = await stage(what, planInThread({ model, operation, options, earlier }));
    if (!result.ok) throw new InputError(flagOf(operation, result.problem.field), result.problem.message);
    const plan = result.value;
    assertSafe(plan);
    const isImpossible = plan.problems.some(({ severity }) => severity === 'hard');
    if (flags.output === 'kafka') process.stdout.write(`${JSON.stringify(reassignmentJson(plan))}\n`);
    else if (flags.output === 'json') process.stdout.write(planJson(planDocument(plan), explain(plan)));
    else process.stdout.write(planText(plan, planDocument(plan), explain(plan)));
    if (isImpossible) {
      const { subject, reason, remedy } = plan.problems.find(({ severity }) => severity === 'hard')!;
      process.stderr.write(`${subject}: ${reason}${remedy === undefined ? '' : `; ${remedy}`}\n`);
    }
    if (flags.approve !== undefined && flags.approve !== plan.hash) {
      throw new InputError(
        '--approve',
        `the plan is now ${plan.hash}: the cluster or the options have changed; --state keeps a plan as it is, and plan resume --approve begins it`,
      );
    }
    if (flags.execute !== true) {
      if (flags.state !== undefined) await keep(flags.state, planDocument(plan), mannerFor(flags, {}));
      return isImpossible ? 2 : 0;
    }
    if (admin === undefined) throw new InputError('--execute', 'needs a live cluster: name it with --bootstrap');
    return await carryOut(admin, planDocument(plan), flags);
  });
}

/** Where the earlier plan of the same operation ends in the cluster as it is now. */
async function endOf(path: string, model: Model, operation: Operation): Promise<PlanEnd> {
  const document = await readState(path, '--earlier');
  if (JSON.stringify(document.operation) !== JSON.stringify(operation)) {
    const message = `${path} is a plan for ${JSON.stringify(document.operation)}, this is ${JSON.stringify(operation)}; leave it out to plan from what there is`;
    throw new InputError('--earlier', message);
  }
  const end = planEndOf(model, document);
  if (end !== undefined) return end;
  const message = `${path} does not say where it ends, or names brokers or partitions that the cluster has not; leave it out to plan from what there is`;
  throw new InputError('--earlier', message);
}

/** A plan that its verifier does not pass is a bug of ours: it is not shown, let alone carried out. */
function assertSafe({ model, target, schedule, options }: Plan): void {
  const claim = { model, target, rows: schedule.rows, first: schedule.first };
  const bad = verify(claim, options).find(({ kind }) => kind === 'introduced');
  if (bad !== undefined) throw new Error(`the plan would break ${bad.goal}: ${bad.subject} ${bad.message}`);
}

export async function resumePlan(flags: Flags): Promise<number> {
  const document = await stateOf(flags);
  if (flags.approve !== undefined && flags.approve !== document.hash) {
    throw new InputError('--approve', `the plan in ${flags.state} is ${document.hash}`);
  }
  return await withAdmin(flags, (admin) => carryOut(admin, document, flags));
}

export async function cancelPlan(flags: Flags): Promise<number> {
  const document = await stateOf(flags);
  const { notice } = progressWriter(process.stderr);
  return await withAdmin(flags, async (admin) => {
    const cancelled = await cancel(admin, document, notice);
    if (!cancelled.ok) {
      process.stderr.write(`${cancelled.problem.kind === 'refused' ? cancelled.problem.message : 'stale'}\n`);
      return 1;
    }
    process.stderr.write(`cancelled ${cancelled.value} moves; the throttle is gone\n`);
    return 0;
  });
}

async function stateOf({ state }: Flags): Promise<KeptPlan> {
  if (state === undefined) throw new InputError('--state', 'name the file of the plan that was being carried out');
  return await readState(state);
}

const keep = (path: string, document: PlanDocument, { throttle, movesPerBroker, batchPartitions }: Manner) =>
  writeState(path, { ...document, manner: { throttle, movesPerBroker, batchPartitions } });

async function carryOut(admin: KafkaAdmin, document: KeptPlan, flags: Flags): Promise<number> {
  if (document.batches.length + document.diskMoves.length === 0) return 0;
  const { patienceMs, throttle, movesPerBroker, batchPartitions } = mannerFor(flags, document.manner ?? {});
  const path = flags.state ?? defaultStatePath(document);
  await keep(path, document, { throttle, movesPerBroker, batchPartitions });
  const stop = new AbortController();
  const { progress, notice } = progressWriter(process.stderr);
  const interrupt = (): void => {
    notice('cancelling what is under way; once more ends at once');
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  if (flags.state === undefined) notice(`the plan is kept in ${path} until it is carried out`);
  const resume = `carry on: hikube-kafka plan resume --bootstrap ${flags.bootstrap} --state ${path}`;
  try {
    const outcome = await execute(admin, document, {
      throttle,
      movesPerBroker,
      batchPartitions,
      pollMs: throttle === undefined ? pollMs.unthrottled : pollMs.throttled,
      patienceMs,
      onProgress: progress,
      onNotice: notice,
      signal: stop.signal,
    });
    if (!outcome.ok) {
      if (outcome.problem.kind === 'refused') {
        notice(`${outcome.problem.message}\n${resume}`);
        return 1;
      }
      for (const { topic, partition, message } of outcome.problem.stale.slice(0, 10)) {
        notice(`stale plan: ${topic}-${partition} ${message}`);
      }
      notice('nothing was begun; plan anew (plan cancel takes away what an earlier run left)');
      return 2;
    }
    const { moved, bytes: copied, elapsedMs, isInterrupted } = outcome.value;
    const sum = `${moved} partitions, ${bytes(copied)} in ${duration(elapsedMs / 1000)}`;
    if (isInterrupted) {
      notice(`interrupted after ${sum}; copies under way are cancelled, the throttle is gone\n${resume}`);
      return 130;
    }
    notice(`moved ${sum}`);
    if (flags.state === undefined) await removeState(path);
    return 0;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, interrupt);
  }
}

/** The cluster from where the flags say, with an admin client when it is live. */
export async function withCluster(
  flags: Flags,
  use: (state: ClusterState, admin: KafkaAdmin | undefined) => Promise<number>,
): Promise<number> {
  if ((flags.cluster === undefined) === (flags.bootstrap === undefined)) {
    throw new InputError('--cluster', 'name the cluster by a file with --cluster, or live with --bootstrap');
  }
  const known = flags.rates === undefined ? undefined : await readRates(flags.rates);
  const whole = (state: Result<ClusterState, BorderProblem>): ClusterState => {
    if (!state.ok) throw new InputError(state.problem.field, state.problem.message);
    return known === undefined ? state.value : withRates(state.value, known, flags.rates!);
  };
  if (flags.cluster !== undefined)
    return await use(whole(await stage(`reading ${flags.cluster}`, clusterFromFile(flags.cluster))), undefined);
  const read = {
    sampleSeconds: numberOf('--sample', flags.sample, { least: 0, most: 3600 }),
    deadBrokers: flags.dead === undefined ? [] : idsOf('--dead', flags.dead),
    pinnedTopics: namesOf(flags.pin),
    onNotice: (sentence: string) => process.stderr.write(`${sentence}\n`),
  };
  return await withAdmin(flags, async (admin) => {
    return await use(whole(await stage('reading the cluster', clusterFromBrokers(admin, read))), admin);
  });
}

export async function withAdmin(flags: Flags, use: (admin: KafkaAdmin) => Promise<number>): Promise<number> {
  if (flags.bootstrap === undefined) throw new InputError('--bootstrap', 'name the live cluster, e.g. host:9092');
  const bootstrap = namesOf(flags.bootstrap).map((address) => {
    const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(address) ?? [];
    if (host === undefined || Number(port) > 65_535) {
      throw new InputError('--bootstrap', `"${address}" is not host:port`);
    }
    return { host, port: Number(port) };
  });
  const logger = createLogger('plan', { level: process.env.LOG_LEVEL ?? 'warn', out: 2 });
  const platform = { network: nodeNetwork(), clock: systemClock, random: systemRandom(), logger };
  const client = new KafkaClient(platform, { bootstrap, clientId: 'hikube-kafka-plan' });
  // The client's timers do not keep a process alive, and while a whole cluster is away nothing else does.
  const alive = setInterval(() => undefined, 60_000);
  try {
    const first = await new KafkaAdmin(client, { deadlineMs: firstAnswerMs }).describeCluster();
    if (!first.ok) throw new InputError('--bootstrap', first.problem.sentence);
    return await use(new KafkaAdmin(client, { deadlineMs: answerMs }));
  } finally {
    clearInterval(alive);
    await client.close();
  }
}
