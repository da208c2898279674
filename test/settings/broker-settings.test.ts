import { expect, test } from 'vitest';
import { parseBrokerSettings, sentenceOf, topicSettings } from '../../src/settings/index.ts';

const sentences = (text: string): string[] =>
  parseBrokerSettings(text).problems.map((problem) => sentenceOf('server.properties', problem));

test('an empty file gives the defaults of Apache Kafka', () => {
  const { settings } = parseBrokerSettings('');
  expect(settings?.listeners).toEqual([{ name: 'PLAINTEXT', protocol: 'PLAINTEXT', host: '', port: 9092 }]);
  expect(settings?.get('num.partitions')).toBe(1);
  expect(settings?.get('auto.create.topics.enable')).toBe(true);
  expect(settings?.brokerId).toBe(-1);
  expect(settings?.logDirs).toEqual(['/tmp/kafka-logs']);
});

test('listeners, advertised listeners and the chroot of ZooKeeper are taken apart', () => {
  const { settings, problems } = parseBrokerSettings(
    [
      'broker.id=2',
      'listeners=plain://0.0.0.0:9092,EXTERNAL://[::]:9094',
      'advertised.listeners=EXTERNAL://example.org:443',
      'listener.security.protocol.map=PLAIN:PLAINTEXT,EXTERNAL:PLAINTEXT',
      'inter.broker.listener.name=PLAIN',
      'log.dirs=/a, /b',
      'zookeeper.connect=one:2181,two/kafka/x',
    ].join('\n'),
  );
  expect(problems).toEqual([]);
  expect(settings?.advertisedListeners).toEqual([
    { name: 'PLAIN', protocol: 'PLAINTEXT', host: '0.0.0.0', port: 9092 },
    { name: 'EXTERNAL', protocol: 'PLAINTEXT', host: 'example.org', port: 443 },
  ]);
  expect(settings?.logDirs).toEqual(['/a', '/b']);
  expect(settings?.zooKeeper).toEqual({
    servers: [
      { host: 'one', port: 2181 },
      { host: 'two', port: 2181 },
    ],
    chroot: '/kafka/x',
  });
});

test('a bad value, a bad listener and an unknown name are named with their lines', () => {
  expect(sentences('broker.id=1\nnum.partitions=0\nlisteners=PLAINTEXT:9092\nnum.partition=3\nfoo.bar.baz=1')).toEqual([
    'server.properties:2: num.partitions must be at least 1, not 0',
    'server.properties:4: num.partition is not a property of a Kafka broker: it has no effect; did you mean num.partitions?',
    'server.properties:5: foo.bar.baz is not a property of a Kafka broker: it has no effect',
  ]);
  expect(sentences('listeners=PLAINTEXT:9092')[0]).toContain('server.properties:1: listeners has "PLAINTEXT:9092"');
  expect(sentences('num.partitions=2147483648')).toEqual([
    'server.properties:1: num.partitions must be between -2147483648 and 2147483647, not 2147483648',
  ]);
  expect(sentences('auto.create.topics.enable=yes')).toEqual([
    'server.properties:1: auto.create.topics.enable must be true or false, not "yes"',
  ]);
});

test('an override is stronger than the file', () => {
  const { settings } = parseBrokerSettings('broker.rack=a', [{ key: 'broker.rack', value: 'b' }]);
  expect(settings?.get('broker.rack')).toBe('b');
});

test('a topic takes its own value, then the broker’s in any unit, then the default', () => {
  const { settings } = parseBrokerSettings('log.retention.hours=2\nlog.segment.bytes=1000');
  if (settings === undefined) throw new Error('no settings');
  const topic = topicSettings({ 'segment.bytes': '2000' }, settings);
  expect(topic.described('segment.bytes')).toEqual({ text: '2000', source: 'topic' });
  expect(topic.get('retention.ms')).toBe(7_200_000);
  expect(topic.described('retention.ms').source).toBe('broker');
  expect(topic.get('cleanup.policy')).toEqual(['delete']);
});
