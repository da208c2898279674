import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { problemsOfText } from '../../src/cli/validate/resource-file.ts';

const root = resolve(import.meta.dirname, '../..');

const shown = (text: string): string[] =>
  problemsOfText(text).problems.map(
    ({ line, severity, resource, message }) => `${line} ${severity} ${resource ?? '-'} ${message}`,
  );

const cluster = `apiVersion: kafka.hikube.cloud/v1alpha1
kind: KafkaCluster
metadata:
  name: example
spec:
  coordination: { zooKeeper: { name: example } }
`;

test('every sample and the quick start are without a problem', () => {
  const files = [
    'manifests/quick-start.yaml',
    ...readdirSync(resolve(root, 'manifests/samples')).map((name) => `manifests/samples/${name}`),
  ];
  for (const file of files) {
    const { problems, resources } = problemsOfText(readFileSync(resolve(root, file), 'utf8'));
    expect(problems, file).toEqual([]);
    expect(resources, file).toBeGreaterThan(0);
  }
});

test('a problem has the line of its field, in whichever document', () => {
  const text = `${cluster}  replicas: -1\n  foo: bar\n---\n${cluster}  config:\n    num.partitions: 3\n    broker.id: 7\n`;
  expect(shown(text.replace(/name: example\nspec/, 'name: first\nspec'))).toEqual([
    '7 error KafkaCluster first spec.replicas: must be at least 1, not -1',
    '8 error KafkaCluster first spec.foo: is not a known field',
    '18 error KafkaCluster example spec.config[broker.id]: broker.id is set by the operator; remove it from config',
  ]);
});

test('what is missing has the line of what it is missing from', () => {
  expect(
    shown('apiVersion: kafka.hikube.cloud/v1alpha1\nkind: KafkaTopic\nmetadata:\n  name: a\nspec:\n  partitions: 3\n'),
  ).toEqual(['5 error KafkaTopic a spec.cluster: is required']);
});

test('a wrong version, an unknown kind and text that is no YAML are named; other groups are left alone', () => {
  expect(shown('apiVersion: kafka.hikube.cloud/v1\nkind: KafkaTopic\n')).toEqual([
    '1 error - apiVersion: must be kafka.hikube.cloud/v1alpha1, not kafka.hikube.cloud/v1',
  ]);
  expect(shown('apiVersion: kafka.hikube.cloud/v1alpha1\nkind: KafkaTopik\n')).toEqual([
    '2 error - kind: must be one of KafkaCluster, KafkaTopic, ZooKeeper, not KafkaTopik',
  ]);
  expect(shown('apiVersion: v1\nkind: ConfigMap\n---\n---\n# nothing\n')).toEqual([]);
  expect(shown('a: [\n')[0]).toMatch(/^2 error - /);
  expect(problemsOfText('').resources).toBe(0);
});

test('the same resource twice in one file is one too many', () => {
  expect(shown(`${cluster}---\n${cluster}`)).toEqual([
    '11 error KafkaCluster example metadata.name: stands already in line 4; the later one would win',
  ]);
});
