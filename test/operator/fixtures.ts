import {
  type KafkaCluster,
  type KafkaTopic,
  parseKafkaCluster,
  parseKafkaTopic,
  parseZooKeeper,
  type ZooKeeper,
} from '../../src/api/index.ts';
import type { StatefulSet } from '../../src/kube/index.ts';
import type { ObservedPod } from '../../src/operator/observe/pods.ts';

export const images = { embedded: 'hikube-kafka:test', apache: 'apache/kafka:test' };

const metadata = (name: string) => ({
  name,
  namespace: 'team',
  uid: `uid-of-${name}`,
  generation: 1,
  creationTimestamp: '2026-01-01T00:00:00Z',
});

function parsed<Value>(result: { ok: true; value: Value } | { ok: false; problem: unknown }): Value {
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  return result.value;
}

export const kafkaCluster = (spec: object = {}, name = 'example'): KafkaCluster =>
  parsed(
    parseKafkaCluster({
      metadata: metadata(name),
      spec: { coordination: { zooKeeper: { name: 'example' } }, ...spec },
    }),
  );

export const zooKeeper = (spec: object = {}, name = 'example'): ZooKeeper =>
  parsed(parseZooKeeper({ metadata: metadata(name), spec }));

export const kafkaTopic = (
  name: string,
  spec: object = {},
  more: { status?: object; metadata?: object } = {},
): KafkaTopic =>
  parsed(
    parseKafkaTopic({
      metadata: { ...metadata(name), ...more.metadata },
      spec: { cluster: 'example', ...spec },
      status: more.status ?? {},
    }),
  );

export const pod = (index: number, changes: Partial<ObservedPod> = {}): ObservedPod => ({
  name: `example-kafka-${index}`,
  namespace: 'team',
  uid: `uid-${index}`,
  index,
  ready: true,
  terminating: false,
  node: `node-${index}`,
  zone: `zone-${index}`,
  revision: 'new',
  servers: undefined,
  advertisedListeners: undefined,
  zoneAnnotation: `zone-${index}`,
  trouble: undefined,
  ...changes,
});

/** A StatefulSet as the API server would give it back. */
export const liveStatefulSet = (desired: readonly { object: { kind: string } }[]): StatefulSet => {
  const found = desired.find(({ object }) => object.kind === 'StatefulSet')?.object;
  if (found === undefined) throw new Error('there is no StatefulSet');
  return found as StatefulSet;
};
