import { failure, type Result, success } from '../base/index.ts';
import { brokerIndex, condition, type Model, maxReplicationFactor, nobody, widened } from './model.ts';
import type { PlanOptions } from './options.ts';

/** What a caller wants done. Brokers and topics are named by id and name. */
export type Operation =
  /** Gives every partition that lacks replicas the ones it lacks (all of a new topic's), and nothing else. */
  | { readonly kind: 'place' }
  /** Evens the whole cluster, one topic, one zone, or leaders only (at no bytes). */
  | { readonly kind: 'rebalance'; readonly topic?: string; readonly zone?: string; readonly leadersOnly?: boolean }
  | { readonly kind: 'add'; readonly brokers: readonly number[] }
  | { readonly kind: 'remove'; readonly brokers: readonly number[] }
  | { readonly kind: 'replace'; readonly broker: number; readonly by: number }
  /** Copies anew what was on brokers that are dead, or away for longer than the time-out; repairs zones. */
  | { readonly kind: 'repair' }
  | { readonly kind: 'zoneLost'; readonly zone: string }
  | { readonly kind: 'zoneBack'; readonly zone: string }
  | { readonly kind: 'zoneRelabel'; readonly brokers: readonly { readonly id: number; readonly zone: string }[] }
  | { readonly kind: 'replicationFactor'; readonly factor: number; readonly topics?: readonly string[] }
  /** Brings disks under `use` (fraction of capacity) within the budget of bytes, and does nothing else. */
  | { readonly kind: 'relieve'; readonly use: number; readonly brokers?: readonly number[] }
  | { readonly kind: 'removeDisks'; readonly broker: number; readonly paths: readonly string[] }
  | { readonly kind: 'move'; readonly from: number; readonly to: number; readonly topics?: readonly string[] }
  /** Leaders leave these brokers (maintenance); no bytes. */
  | { readonly kind: 'drainLeaders'; readonly brokers: readonly number[] }
  /** Puts partitions on few groups of brokers: `options.scatterWidth` peers each. */
  | { readonly kind: 'copysets' };

/** An operation that cannot be: the field that is wrong and what would be right. */
export type OperationProblem = { readonly field: string; readonly message: string };

/** The cluster as the operation wants it: states, zones and replication factors changed, replicas not yet. */
export function prepare(given: Model, operation: Operation, options: PlanOptions): Result<Model, OperationProblem> {
  const model = withDead(given, options.deadAfterMs);
  switch (operation.kind) {
    case 'place':
    case 'repair':
      return success(model);
    case 'rebalance': {
      const { topic, zone } = operation;
      if (topic !== undefined && !model.topicNames.includes(topic)) return unknownTopic('topic', topic);
      if (zone !== undefined && !model.zoneNames.includes(zone)) return unknownZone(model, 'zone', zone);
      return success(model);
    }
    case 'add':
      return withConditions(model, operation.brokers, 'brokers', condition.active);
    case 'remove':
      return removing(model, operation.brokers);
    case 'replace': {
      if (operation.broker === operation.by) {
        return failure({ field: 'by', message: `broker ${operation.by} cannot replace itself` });
      }
      const made = withConditions(model, [operation.by], 'by', condition.active);
      const old = brokerIndex(model, operation.broker);
      if (old === undefined) return unknownBroker(model, 'broker', operation.broker);
      if (!made.ok || model.conditions[old] === condition.dead) return made;
      return withConditions(made.value, [operation.broker], 'broker', condition.draining);
    }
    case 'zoneLost':
    case 'zoneBack': {
      const zone = model.zoneNames.indexOf(operation.zone);
      if (zone === -1) return unknownZone(model, 'zone', operation.zone);
      const conditions = model.conditions.map((state, broker) =>
        model.zoneOf[broker] === zone ? (operation.kind === 'zoneLost' ? condition.dead : condition.active) : state,
      );
      return success({ ...model, conditions });
    }
    case 'zoneRelabel':
      return relabelled(model, operation.brokers);
    case 'replicationFactor':
      return withFactor(model, operation.factor, operation.topics);
    case 'relieve':
      if (!(operation.use > 0 && operation.use <= 1)) {
        return failure({ field: 'use', message: `${operation.use} is not a fraction above 0 and up to 1` });
      }
      return known(model, operation.brokers ?? [], 'brokers');
    case 'removeDisks':
      return withoutDisks(model, operation.broker, operation.paths);
    case 'move': {
      if (operation.from === operation.to) {
        return failure({ field: 'to', message: `broker ${operation.to} is where the replicas are already` });
      }
      for (const topic of operation.topics ?? []) {
        if (!model.topicNames.includes(topic)) return unknownTopic('topics', topic);
      }
      const from = known(model, [operation.from], 'from');
      return from.ok ? known(model, [operation.to], 'to') : from;
    }
    case 'drainLeaders': {
      const checked = known(model, operation.brokers, 'brokers');
      if (!checked.ok) return checked;
      const drained = new Set(operation.brokers.map((id) => brokerIndex(model, id)));
      return success({ ...model, mayLead: model.mayLead.map((may, broker) => (drained.has(broker) ? 0 : may)) });
    }
    case 'copysets':
      if (options.scatterWidth === undefined || !(options.scatterWidth >= 1)) {
        return failure({ field: 'scatterWidth', message: 'name how many peers a broker may have, at least 1' });
      }
      return success(model);
    default:
      return failure({ field: 'kind', message: `there is no operation ${(operation as { kind: string }).kind}` });
  }
}

/** Brokers that are away for long enough count as dead; until then nothing is moved for them. */
function withDead(model: Model, deadAfterMs: number): Model {
  const conditions = model.conditions.map((state, broker) =>
    state === condition.away && model.awayForMs[broker]! >= deadAfterMs ? condition.dead : state,
  );
  return { ...model, conditions };
}

const unknownBroker = (model: Model, field: string, id: number) =>
  failure({
    field,
    message: `broker ${id} is not in the cluster; it has ${summary(Array.from(model.brokerIds, String))}`,
  });
const unknownTopic = (field: string, name: string) =>
  failure({ field, message: `topic ${name} is not in the cluster` });
const unknownZone = (model: Model, field: string, name: string) =>
  failure({
    field,
    message: `zone ${name} is not in the cluster; it has ${summary(model.zoneNames.map((zone) => zone || '(none)'))}`,
  });

function summary(names: readonly string[]): string {
  return names.length <= 12 ? names.join(', ') : `${names.slice(0, 12).join(', ')} and ${names.length - 12} more`;
}

function known(model: Model, ids: readonly number[], field: string): Result<Model, OperationProblem> {
  for (const id of ids) if (brokerIndex(model, id) === undefined) return unknownBroker(model, field, id);
  return success(model);
}

function withConditions(
  model: Model,
  ids: readonly number[],
  field: string,
  state: number,
): Result<Model, OperationProblem> {
  const checked = known(model, ids, field);
  if (!checked.ok) return checked;
  if (ids.length === 0) return failure({ field, message: 'name at least one broker' });
  const conditions = model.conditions.slice();
  for (const id of ids) conditions[brokerIndex(model, id)!] = state;
  return success({ ...model, conditions });
}

function removing(model: Model, ids: readonly number[]): Result<Model, OperationProblem> {
  const made = withConditions(model, ids, 'brokers', condition.draining);
  if (!made.ok) return made;
  const conditions = made.value.conditions;
  // A dead broker stays dead: it cannot be read.
  for (let broker = 0; broker < conditions.length; broker++) {
    if (model.conditions[broker] === condition.dead) conditions[broker] = condition.dead;
  }
  if (!conditions.includes(condition.active)) {
    return failure({ field: 'brokers', message: 'no active broker would be left to take the replicas' });
  }
  return made;
}

function relabelled(
  model: Model,
  brokers: readonly { readonly id: number; readonly zone: string }[],
): Result<Model, OperationProblem> {
  const names = model.zoneNames.slice();
  const zoneOf = model.zoneOf.slice();
  for (const { id, zone } of brokers) {
    const broker = brokerIndex(model, id);
    if (broker === undefined) return unknownBroker(model, 'brokers', id);
    if (!names.includes(zone)) names.push(zone);
    zoneOf[broker] = names.indexOf(zone);
  }
  return success({ ...model, zoneNames: names, zoneOf });
}

function withFactor(
  model: Model,
  factor: number,
  topics: readonly string[] | undefined,
): Result<Model, OperationProblem> {
  if (!Number.isInteger(factor) || factor < 1 || factor > maxReplicationFactor) {
    return failure({ field: 'factor', message: `${factor} is not a whole number from 1 to ${maxReplicationFactor}` });
  }
  let active = 0;
  for (const state of model.conditions) if (state === condition.active) active++;
  if (factor > active) {
    const message = `replication factor ${factor} needs ${factor} active brokers, there are ${active}; add ${factor - active}`;
    return failure({ field: 'factor', message });
  }
  const chosen = new Uint8Array(model.topicNames.length);
  for (const topic of topics ?? model.topicNames) {
    const index = topics === undefined ? -1 : model.topicNames.indexOf(topic);
    if (topics !== undefined && index === -1) return unknownTopic('topics', topic);
    if (index !== -1) chosen[index] = 1;
  }
  if (topics === undefined) chosen.fill(1);
  const wide = widened(model, factor);
  return success({
    ...wide,
    factors: model.factors.map((old, row) => (chosen[model.topicOf[row]!] === 1 ? factor : old)),
  });
}

function withoutDisks(model: Model, id: number, paths: readonly string[]): Result<Model, OperationProblem> {
  const broker = brokerIndex(model, id);
  if (broker === undefined) return unknownBroker(model, 'broker', id);
  const { disks } = model;
  if (disks === undefined) return failure({ field: 'paths', message: `broker ${id} names no disks` });
  const leaving = disks.leaving.slice();
  const own = disks.paths.slice(disks.first[broker], disks.first[broker + 1]);
  for (const path of paths) {
    const at = own.indexOf(path);
    if (at === -1) {
      return failure({ field: 'paths', message: `broker ${id} has no disk ${path}; it has ${own.join(', ')}` });
    }
    leaving[disks.first[broker]! + at] = 1;
  }
  return success({ ...model, disks: { ...disks, leaving } });
}

/** Replicas of a model that is to be placed from nothing. */
export function withoutReplicas(model: Model): Model {
  return { ...model, replicas: new Int32Array(model.replicas.length).fill(nobody) };
}
