import type { z } from 'zod';
import { failure, type Result, success } from '../base/index.ts';
import { serviceNamePattern } from './fields.ts';
import type { ResourceMetadata } from './group.ts';
import { type KafkaCluster, kafkaClusterNameLimit, kafkaClusterSpec } from './kafka-cluster.ts';
import { type KafkaTopic, kafkaTopicSpec, topicNameLimit } from './kafka-topic.ts';
import type { Refusal } from './refusal.ts';
import { type ZooKeeper, zooKeeperNameLimit, zooKeeperSpec } from './zookeeper.ts';

/** An object as the API server gives it, or as it stands in a file. */
export type RawResource = {
  readonly metadata: ResourceMetadata;
  readonly spec?: unknown;
  readonly status?: unknown;
};

/** Problems as the API server would name them: `spec.replicas: must be at least 1, not -1`. */
export type Parsed<Kind> = Result<Kind, readonly Refusal[]>;

export const parseKafkaCluster = (raw: RawResource): Parsed<KafkaCluster> =>
  parsed<KafkaCluster>(raw, kafkaClusterSpec, { limit: kafkaClusterNameLimit, pattern: serviceNamePattern });

export const parseZooKeeper = (raw: RawResource): Parsed<ZooKeeper> =>
  parsed<ZooKeeper>(raw, zooKeeperSpec, { limit: zooKeeperNameLimit, pattern: serviceNamePattern });

export const parseKafkaTopic = (raw: RawResource): Parsed<KafkaTopic> =>
  parsed<KafkaTopic>(raw, kafkaTopicSpec, { limit: topicNameLimit });

function parsed<Kind extends { readonly metadata: ResourceMetadata; readonly spec: unknown; readonly status: unknown }>(
  raw: RawResource,
  schema: z.ZodType,
  name: { readonly limit: number; readonly pattern?: string },
): Parsed<Kind> {
  const refusals = nameRefusals(raw.metadata.name, name);
  const spec = schema.safeParse(raw.spec ?? {}, { reportInput: true });
  if (!spec.success) refusals.push(...spec.error.issues.flatMap((issue) => refusalsOfIssue(issue, 'spec')));
  if (refusals.length > 0 || !spec.success) return failure(refusals);
  // The status is our own writing; a field that an older version wrote does no harm.
  return success({ metadata: raw.metadata, spec: spec.data, status: raw.status ?? {} } as Kind);
}

function nameRefusals(name: string, { limit, pattern }: { limit: number; pattern?: string }): Refusal[] {
  const refusals: Refusal[] = [];
  if (name.length > limit) {
    const message = `has ${name.length} characters; it may have at most ${limit}`;
    refusals.push({ reason: 'NameTooLong', field: 'metadata.name', message });
  }
  if (pattern !== undefined && !new RegExp(pattern).test(name)) {
    const message = `"${name}" must begin with a lower-case letter and have only lower-case letters, digits and hyphens`;
    refusals.push({ reason: 'InvalidSpec', field: 'metadata.name', message });
  }
  return refusals;
}

function pathText(root: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return /[.\s]/.test(String(step)) ? `${text}[${String(step)}]` : `${text}.${String(step)}`;
  }, root);
}

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};

function refusalsOfIssue(issue: z.core.$ZodIssue, root: string): Refusal[] {
  const field = pathText(root, issue.path);
  const refusal = (message: string, where = field): Refusal => ({ reason: 'InvalidSpec', field: where, message });
  const input = shown(issue.input);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => refusal('is not a known field', pathText(root, [...issue.path, key])));
    case 'invalid_type':
      return [refusal(issue.input === undefined ? 'is required' : `must be ${a(issue.expected)}, not ${input}`)];
    case 'too_small':
      if (issue.origin === 'string') return [refusal('must not be empty')];
      return [
        refusal(`must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}, not ${input}`),
      ];
    case 'too_big':
      return [
        refusal(`must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters long' : `, not ${input}`}`),
      ];
    case 'invalid_value':
      return [refusal(`must be one of ${valuesText(issue.values)}, not ${input}`)];
    case 'invalid_union':
      return [refusal(issue.message === 'Invalid input' ? `cannot be ${input}` : `${issue.message}, not ${input}`)];
    default:
      return [refusal(`${issue.message}, not ${input}`)];
  }
}

function a(type: string): string {
  if (type === 'int') return 'a whole number';
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** Long lists are cut: 47 presets help nobody. */
function valuesText(values: readonly unknown[]): string {
  const texts = values.map(String);
  return texts.length <= 12 ? texts.join(', ') : `${texts.slice(0, 12).join(', ')}, ... (${texts.length} in all)`;
}
