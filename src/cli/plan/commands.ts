import { readFile } from 'node:fs/promises';
import { KafkaAdmin, KafkaClient } from '../../client/kafka/index.ts';
import {
  type ClusterState,
  explain,
  modelOf,
  type Operation,
  type Plan,
  type PlanDocument,
  planDocument,
  reassignmentJson,
  remainingOf,
  targetOf,
  verify,
} from '../../placement/index.ts';
import { clusterLines, parseReassignment } from '../../placement/json/index.ts';
import { planInThread } from '../../placement/thread/index.ts';
import { createLogger, nodeNetwork, systemClock, systemRandom } from '../../platform/index.ts';
import type { Flags } from '../plan.ts';
import { cancel, execute } from './execute.ts';
import { InputError, idsOf, namesOf, numberOf, planOptionsOf } from './options.ts';
import { progressWriter } from './progress.ts';
import { bytes, duration, planJson, planText } from './render.ts';
import { clusterFromBrokers, clusterFromFile } from './source.ts';
import { readState, writeState } from './state-file.ts';

/** While copies run, the cluster is asked this often. */
const pollMs = 250;

/** Plans, shows, and (told so) carries out. */
export async function planAndShow(operation: Operation, flags: Flags): Promise<number> {
  const options = planOptionsOf(flags);
  return await withCluster(flags, async (state, admin) => {
    if (flags.output === 'cluster') {
      for (const line of clusterLines(state)) process.stdout.write(`${line}\n`);
      return 0;
    }
    const result = await planInThread({ model: modelOf(state), operation, options });
    if (!result.ok) throw new InputError(result.problem.field, result.problem.message);
    const plan = result.value;
    assertSafe(plan);
    const isImpossible = plan.problems.some(({ severity }) => severity === 'hard');
    if (flags.output === 'kafka') process.stdout.write(`${JSON.stringify(reassignmentJson(plan))}\n`);
    else if (flags.output === 'json') process.stdout.write(planJson(planDocument(plan), explain(plan)));
    else process.stdout.write(planText(plan, explain(plan)));
    if (isImpossible) {
      const { subject, reason, remedy } = plan.problems.find(({ severity }) => severity === 'hard')!;
      process.stderr.write(`${subject}: ${reason}${remedy === undefined ? '' : `; ${remedy}`}\n`);
    }
    if (flags.approve !== undefined && flags.approve !== plan.hash) {
      throw new InputError('--approve', `the plan is now ${plan.hash}: the cluster or the options have changed`);
    }
    if (flags.execute !== true) return isImpossible ? 2 : 0;
    if (admin === undefined) throw new InputError('--execute', 'needs a live cluster: name it with --bootstrap');
    if (plan.diskMoves.length > 0) {
      throw new InputError(
        '--execute',
        'moves between disks of one broker are not carried out: give --output kafka to kafka-reassign-partitions',
      );
    }
    return await carryOut(admin, planDocument(plan), flags);
  });
}

/** A plan that its verifier does not pass is a bug of ours: it is not shown, let alone carried out. */
function assertSafe({ model, target, schedule, options }: Plan): void {
  const claim = { model, target, rows: schedule.rows, first: schedule.first };
  const bad = verify(claim, options).find(({ kind }) => kind === 'introduced');
  if (bad !== undefined) throw new Error(`the plan would break ${bad.goal}: ${bad.subject} ${bad.message}`);
}

export async function resumePlan(flags: Flags): Promise<number> {
  const document = await stateOf(flags);
  return await withAdmin(flags, (admin) => carryOut(admin, document, flags));
}

export async function cancelPlan(flags: Flags): Promise<number> {
  const document = await stateOf(flags);
  return await withAdmin(flags, async (admin) => {
    const cancelled = await cancel(admin, document);
    if (!cancelled.ok) {
      process.stderr.write(`${cancelled.problem.kind === 'refused' ? cancelled.problem.message : 'stale'}\n`);
      return 1;
    }
    process.stderr.write(`cancelled ${cancelled.value} moves; the throttle is gone\n`);
    return 0;
  });
}

async function stateOf({ state }: Flags): Promise<PlanDocument> {
  if (state === undefined) throw new InputError('--state', 'name the file of the plan that was being carried out');
  return await readState(state);
}

async function carryOut(admin: KafkaAdmin, document: PlanDocument, flags: Flags): Promise<number> {
  if (flags.state !== undefined) await writeState(flags.state, document);
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const options = planOptionsOf(flags);
  try {
    const outcome = await execute(admin, document, {
      throttle: flags.throttle === undefined ? undefined : options.batch.throttle,
      movesPerBroker: options.batch.movesPerBroker,
      pollMs,
      onProgress: progressWriter(process.stderr),
      signal: stop.signal,
    });
    if (!outcome.ok) {
      if (outcome.problem.kind === 'refused') {
        process.stderr.write(`${outcome.problem.message}\n`);
        return 1;
      }
      for (const { topic, partition, message } of outcome.problem.stale.slice(0, 10)) {
        process.stderr.write(`stale plan: ${topic}-${partition} ${message}\n`);
      }
      return 2;
    }
    const { moved, bytes: copied, elapsedMs, isInterrupted } = outcome.value;
    process.stderr.write(
      `${isInterrupted ? 'interrupted after' : 'moved'} ${moved} partitions, ${bytes(copied)} in ${duration(elapsedMs / 1000)}${isInterrupted ? '; plan resume carries on' : ''}\n`,
    );
    return isInterrupted ? 130 : 0;
  } finally {
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
  }
}

/** Checks a reassignment against the hard goals, or says how far a plan has come. */
export async function verifyReassignment(flags: Flags): Promise<number> {
  if (flags.state !== undefined) return await verifyProgress(flags, await readState(flags.state));
  if (flags.reassignment === undefined) {
    throw new InputError('--reassignment', 'name a file of kafka-reassign-partitions, or a plan with --state');
  }
  let text: string;
  try {
    text = await readFile(flags.reassignment, 'utf8');
  } catch (error) {
    throw new InputError('--reassignment', `cannot read ${flags.reassignment}: ${(error as Error).message}`);
  }
  const parsed = parseReassignment(text);
  if (!parsed.ok) throw new InputError(`${flags.reassignment}: ${parsed.problem.field}`, parsed.problem.message);
  const options = planOptionsOf(flags);
  return await withCluster(flags, async (state) => {
    const model = modelOf(state);
    const target = targetOf(model, parsed.value);
    if (!target.ok) throw new InputError(`${flags.reassignment}: ${target.problem.field}`, target.problem.message);
    const rows = target.value.rows.filter((row) => {
      const start = row * model.width;
      return target.value.target
        .subarray(start, start + model.width)
        .some((to, at) => to !== model.replicas[start + at]);
    });
    const claim = { model, target: target.value.target, rows, first: Int32Array.of(0, rows.length) };
    const found = verify(claim, options);
    for (const { goal, kind, subject, message } of found) {
      process.stdout.write(`${kind === 'introduced' ? '✗' : '~'} ${goal} ${subject} ${message}\n`);
    }
    const broken = found.filter(({ kind }) => kind === 'introduced').length;
    process.stdout.write(`${rows.length} partitions change, ${broken} hard goals would be broken\n`);
    return broken > 0 ? 2 : 0;
  });
}

async function verifyProgress(flags: Flags, document: PlanDocument): Promise<number> {
  return await withAdmin(flags, async (admin) => {
    const topics = await admin.describeTopics([...new Set(document.batches.flat().map(({ topic }) => topic))]);
    if (!topics.ok) throw new InputError('--bootstrap', topics.problem.sentence);
    const held = new Map<string, readonly number[]>();
    for (const { name, partitions } of topics.value) {
      for (const { partition, replicas } of partitions) held.set(`${name} ${partition}`, replicas);
    }
    const remaining = remainingOf(document, (topic, partition) => held.get(`${topic} ${partition}`));
    if (!remaining.ok) {
      for (const { topic, partition, message } of remaining.problem) {
        process.stdout.write(`${topic}-${partition} ${message}\n`);
      }
      return 2;
    }
    const { done, left } = remaining.value;
    process.stdout.write(`${done} of ${done + left} partitions are where the plan wants them\n`);
    return 0;
  });
}

/** The cluster from where the flags say, with an admin client when it is live. */
export async function withCluster(
  flags: Flags,
  use: (state: ClusterState, admin: KafkaAdmin | undefined) => Promise<number>,
): Promise<number> {
  if ((flags.cluster === undefined) === (flags.bootstrap === undefined)) {
    throw new InputError('--cluster', 'name the cluster by a file with --cluster, or live with --bootstrap');
  }
  if (flags.cluster !== undefined) {
    const state = await clusterFromFile(flags.cluster);
    if (!state.ok) throw new InputError(state.problem.field, state.problem.message);
    return await use(state.value, undefined);
  }
  return await withAdmin(flags, async (admin) => {
    const state = await clusterFromBrokers(admin, {
      sampleSeconds: numberOf('--sample', flags.sample, { least: 0, most: 3600 }),
      deadBrokers: flags.dead === undefined ? [] : idsOf('--dead', flags.dead),
      pinnedTopics: namesOf(flags.pin),
    });
    if (!state.ok) throw new InputError(state.problem.field, state.problem.message);
    return await use(state.value, admin);
  });
}

async function withAdmin(flags: Flags, use: (admin: KafkaAdmin) => Promise<number>): Promise<number> {
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
  try {
    return await use(new KafkaAdmin(client));
  } finally {
    await client.close();
  }
}
