import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  kafkaClusterFindings,
  kafkaTopicFindings,
  parseKafkaCluster,
  parseKafkaTopic,
  parseZooKeeper,
  type RawResource,
  refusalText,
  zooKeeperFindings,
} from '../../src/api/index.ts';

const coordination = { zooKeeper: { name: 'example' } };
const cluster = (spec: object, name = 'example'): RawResource => ({ metadata: { name }, spec });

const problems = (parsed: ReturnType<typeof parseKafkaCluster | typeof parseKafkaTopic | typeof parseZooKeeper>) =>
  parsed.ok ? [] : parsed.problem.map(refusalText);

describe('a spec is parsed once, with its defaults', () => {
  test('ten lines are a cluster', () => {
    const parsed = parseKafkaCluster(cluster({ coordination }));
    expect(parsed.ok && parsed.value.spec).toEqual({
      engine: 'embedded',
      replicas: 3,
      resourcesPreset: 'small',
      storage: { size: '10Gi', deletionPolicy: 'Retain' },
      coordination,
      external: false,
      rack: { topologyKey: 'topology.kubernetes.io/zone' },
      config: {},
    });
  });

  test('numbers, booleans and text in config are the same, in the order of their names', () => {
    const parsed = parseKafkaCluster(cluster({ coordination, config: { 'z.z': '1', 'a.a': 604800000, 'm.m': true } }));
    expect(parsed.ok && Object.entries(parsed.value.spec.config)).toEqual([
      ['a.a', '604800000'],
      ['m.m', 'true'],
      ['z.z', '1'],
    ]);
  });

  test('the quick start is accepted, and nothing in it is unsupported', () => {
    const text = readFileSync(resolve(import.meta.dirname, '../../manifests/quick-start.yaml'), 'utf8');
    const [zooKeeper, kafkaCluster, topic] = parseAllDocuments(text).map((document) => document.toJS() as RawResource);
    const parsed = [
      parseZooKeeper(zooKeeper as RawResource),
      parseKafkaCluster(kafkaCluster as RawResource),
      parseKafkaTopic(topic as RawResource),
    ] as const;
    expect(parsed.every(({ ok }) => ok)).toBe(true);
    const findings = [
      parsed[0].ok && zooKeeperFindings(parsed[0].value),
      parsed[1].ok && kafkaClusterFindings(parsed[1].value),
      parsed[2].ok && kafkaTopicFindings(parsed[2].value),
    ];
    expect(findings).toEqual(Array(3).fill({ refusals: [], warnings: [] }));
  });
});

describe('a refusal names the field and what it may be', () => {
  test.each([
    [{ replicas: -1 }, 'spec.replicas: must be at least 1, not -1'],
    [{ replicas: 1.5 }, 'spec.replicas: must be a whole number, not 1.5'],
    [{ replica: 1 }, 'spec.replica: is not a known field'],
    [{ engine: 'apach' }, 'spec.engine: must be one of embedded, apache, not "apach"'],
    [{ storage: { size: 'big' } }, 'spec.storage.size: must be a quantity such as 500m, 2 or 10Gi, not "big"'],
    [{ storage: { size: '0Gi' } }, 'spec.storage.size: must be more than zero, not "0Gi"'],
    [{ storage: { sizes: '1Gi' } }, 'spec.storage.sizes: is not a known field'],
    [{ coordination: undefined }, 'spec.coordination: is required'],
    [
      { coordination: { ...coordination, quorum: {} } },
      'spec.coordination: must have exactly one of zooKeeper and quorum, not {"zooKeeper":{"name":"example"},"quorum":{}}',
    ],
    [{ config: { 'a.b': { c: 1 } } }, 'spec.config[a.b]: must be a string, a number or a boolean, not {"c":1}'],
  ])('%j', (spec, sentence) => {
    expect(problems(parseKafkaCluster(cluster({ coordination, ...spec })))).toEqual([sentence]);
  });

  test('names that are too long, or begin with a digit', () => {
    expect(problems(parseKafkaCluster(cluster({ coordination }, 'a'.repeat(47))))).toEqual([
      'metadata.name: has 47 characters; it may have at most 46',
    ]);
    expect(problems(parseZooKeeper({ metadata: { name: '1st' }, spec: {} }))).toEqual([
      'metadata.name: "1st" must begin with a lower-case letter and have only lower-case letters, digits and hyphens',
    ]);
  });

  test('topics', () => {
    const topic = (spec: object): RawResource => ({ metadata: { name: 'orders' }, spec: { cluster: 'a', ...spec } });
    expect(problems(parseKafkaTopic(topic({ partitions: 0 })))).toEqual(['spec.partitions: must be at least 1, not 0']);
    expect(problems(parseKafkaTopic(topic({ topicName: '..' })))).toEqual([
      'spec.topicName: must have only letters, digits, dot, underscore and hyphen, and not be . or .., not ".."',
    ]);
    expect(parseKafkaTopic(topic({ topicName: '..a' })).ok).toBe(true);
    expect(parseKafkaTopic(topic({ topicName: '...' })).ok).toBe(true);
  });
});

describe('what a resource alone can break', () => {
  const findings = (spec: object, name?: string) => {
    const parsed = parseKafkaCluster(cluster({ coordination, ...spec }, name));
    if (!parsed.ok) throw new Error(parsed.problem.map(refusalText).join('; '));
    return kafkaClusterFindings(parsed.value);
  };

  test('keys that the operator renders are refused, each by its name', () => {
    const { refusals } = findings({
      config: { 'broker.id': 7, 'sasl.enabled.mechanisms': 'PLAIN', 'num.partitions': 3 },
    });
    expect(refusals.map(({ reason, field }) => [reason, field])).toEqual([
      ['ConfigKeyForbidden', 'spec.config[broker.id]'],
      ['ConfigKeyForbidden', 'spec.config[sasl.enabled.mechanisms]'],
    ]);
  });

  test('a bad value is refused; an unknown key is a warning with the name that was meant', () => {
    const { refusals, warnings } = findings({ config: { 'num.partitions': 0, 'min.insync.replica': 2 } });
    expect(refusals.map(refusalText)).toEqual([
      'spec.config[num.partitions]: num.partitions must be at least 1, not 0',
    ]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain('did you mean min.insync.replicas?');
  });

  test('a long name and external brokers, a quorum, four ZooKeeper servers', () => {
    expect(findings({ external: true }, 'a'.repeat(39)).refusals.map(({ reason }) => reason)).toEqual(['NameTooLong']);
    expect(findings({ coordination: { quorum: {} } }).refusals.map(({ reason }) => reason)).toEqual([
      'CoordinationNotSupported',
    ]);
    const ensemble = parseZooKeeper({ metadata: { name: 'example' }, spec: { replicas: 4 } });
    expect(ensemble.ok && zooKeeperFindings(ensemble.value).refusals.map(({ field }) => field)).toEqual([
      'spec.replicas',
    ]);
  });

  test('topic properties are checked one by one', () => {
    const parsed = parseKafkaTopic({
      metadata: { name: 'orders' },
      spec: { cluster: 'a', config: { 'retention.ms': 'week', 'cleanup.polic': 'delete' } },
    });
    const refusals = parsed.ok ? kafkaTopicFindings(parsed.value).refusals : [];
    expect(refusals.map(({ field }) => field)).toEqual(['spec.config[cleanup.polic]', 'spec.config[retention.ms]']);
  });
});
