/**
 * What can be said about a resource by looking at it alone. The operator puts it into conditions, `hikube-kafka
 * validate` prints it; what depends on the cluster's state (a shrink, a change of engine) is the operator's to find.
 */
import {
  parseBrokerSettings,
  parseEnsembleSettings,
  problemOfTopicProperties,
  renderProperties,
  type SettingProblem,
} from '../settings/index.ts';
import type { Config } from './fields.ts';
import { isForbiddenBrokerKey, isForbiddenServerKey } from './forbidden-config.ts';
import { externalKafkaClusterNameLimit, type KafkaCluster } from './kafka-cluster.ts';
import { type KafkaTopic, topicNameLimit, topicNameOf } from './kafka-topic.ts';
import type { Refusal } from './refusal.ts';
import { supportedZooKeeperReplicas } from './supported.ts';
import { replicasProblem, type ZooKeeper } from './zookeeper.ts';

export type Findings = {
  readonly refusals: readonly Refusal[];
  /** Has no effect, and does no harm. */
  readonly warnings: readonly { readonly field: string; readonly message: string }[];
};

export function kafkaClusterFindings({ metadata, spec }: Pick<KafkaCluster, 'metadata' | 'spec'>): Findings {
  const refusals: Refusal[] = [];
  if (spec.external && metadata.name.length > externalKafkaClusterNameLimit) {
    refusals.push({
      reason: 'NameTooLong',
      field: 'metadata.name',
      message:
        `with external: true a name has at most ${externalKafkaClusterNameLimit} characters, not ` +
        `${metadata.name.length}, as it begins the name of a Service; take a shorter name or external: false`,
    });
  }
  if (spec.coordination.quorum !== undefined) {
    refusals.push({
      reason: 'CoordinationNotSupported',
      field: 'spec.coordination.quorum',
      message: 'a quorum of the brokers (KRaft) is not supported yet; use zooKeeper: {name: ...}',
    });
  }
  const config = configFindings(spec.config, isForbiddenBrokerKey, (text) => parseBrokerSettings(text).problems);
  return { refusals: [...refusals, ...config.refusals], warnings: config.warnings };
}

export function zooKeeperFindings({ spec }: Pick<ZooKeeper, 'spec'>): Findings {
  const refusals: Refusal[] = [];
  if (!supportedZooKeeperReplicas.includes(spec.replicas)) {
    refusals.push({
      reason: 'ReplicasNotSupported',
      field: 'spec.replicas',
      message: `${replicasProblem}, not ${spec.replicas}`,
    });
  }
  const config = configFindings(spec.config, isForbiddenServerKey, (text) => parseEnsembleSettings(text).problems);
  return { refusals: [...refusals, ...config.refusals], warnings: config.warnings };
}

export function kafkaTopicFindings(topic: Pick<KafkaTopic, 'metadata' | 'spec'>): Findings {
  const refusals: Refusal[] = [];
  const name = topicNameOf(topic);
  if (name.length > topicNameLimit) {
    refusals.push({
      reason: 'NameTooLong',
      field: 'metadata.name',
      message: `a topic's name has at most ${topicNameLimit} characters, not ${name.length}; set a shorter spec.topicName`,
    });
  }
  // One at a time, so that all problems come up at once, each with its key.
  for (const [key, value] of Object.entries(topic.spec.config)) {
    const problem = problemOfTopicProperties({ [key]: value });
    if (problem !== undefined) {
      refusals.push({ reason: 'ConfigInvalid', field: `spec.config[${key}]`, message: problem });
    }
  }
  return { refusals, warnings: [] };
}

function configFindings(
  config: Config,
  isForbidden: (key: string) => boolean,
  problemsOf: (text: string) => readonly SettingProblem[],
): Findings {
  const refusals: Refusal[] = [];
  const warnings: { field: string; message: string }[] = [];
  const allowed: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (isForbidden(key)) {
      refusals.push({
        reason: 'ConfigKeyForbidden',
        field: `spec.config[${key}]`,
        message: `${key} is set by the operator; remove it from config`,
      });
    } else allowed[key] = value;
  }
  for (const { severity, key, message } of problemsOf(renderProperties(allowed))) {
    // The file is only a part of what is rendered, so what it lacks is not of interest here.
    if (!Object.hasOwn(allowed, key)) continue;
    if (severity === 'error') refusals.push({ reason: 'ConfigInvalid', field: `spec.config[${key}]`, message });
    else warnings.push({ field: `spec.config[${key}]`, message });
  }
  return { refusals, warnings };
}
