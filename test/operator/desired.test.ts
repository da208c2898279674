import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Secret } from '../../src/kube/index.ts';
import { acceptKafkaCluster, acceptZooKeeper } from '../../src/operator/desired/accept.ts';
import { advertisedListeners, effectiveConfig } from '../../src/operator/desired/broker-config.ts';
import { desiredKafkaCluster } from '../../src/operator/desired/kafka-cluster.ts';
import { superUserIn, superUserOf } from '../../src/operator/desired/super-user.ts';
import { desiredZooKeeper } from '../../src/operator/desired/zookeeper.ts';
import { parseBrokerSettings, parseEnsembleSettings } from '../../src/settings/index.ts';
import { images, kafkaCluster, liveStatefulSet, zooKeeper } from './fixtures.ts';

/** Regenerate with `GOLDEN=write npx vitest run test/operator/desired.test.ts`, and read the difference. */
function expectGolden(name: string, objects: readonly { readonly object: object }[]): void {
  const path = resolve(import.meta.dirname, 'golden', `${name}.yaml`);
  const text = objects
    .map(({ object }) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n');
  if (process.env.GOLDEN === 'write') writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

const cluster = (spec: object = {}) => desiredKafkaCluster(kafkaCluster(spec), { images, live: undefined });
const superUser = superUserOf('secret');
const ensemble = (spec: object = {}, serverCount = zooKeeper(spec).spec.replicas) =>
  desiredZooKeeper(zooKeeper(spec), { image: images.embedded, live: undefined, serverCount, superUser });

describe('objects are functions of the resource', () => {
  test('a cluster in the cluster only', () => expectGolden('kafka-cluster', cluster().objects));
  test('a cluster that is reached from outside', () =>
    expectGolden(
      'kafka-cluster-external',
      cluster({ external: true, replicas: 2, config: { 'num.partitions': 6 } }).objects,
    ));
  test('a cluster on Apache Kafka', () =>
    expectGolden(
      'kafka-cluster-apache',
      cluster({ engine: 'apache', resourcesPreset: 's1.small', storage: { size: '1Ti', storageClass: 'fast' } })
        .objects,
    ));
  test('an ensemble', () => {
    const desired = ensemble({ replicas: 3, storage: { size: '5Gi' } });
    expectGolden('zookeeper', [desired.superUser, ...desired.objects]);
  });

  test('the same resource gives the same objects, and names in all of them are short enough', () => {
    expect(cluster({ external: true })).toEqual(cluster({ external: true }));
    const long = desiredKafkaCluster(kafkaCluster({ external: true, replicas: 100 }, 'a'.repeat(38)), {
      images,
      live: undefined,
    });
    for (const { object } of long.objects) expect(object.metadata.name.length).toBeLessThanOrEqual(63);
  });
});

describe('what is rendered is what the roles read', () => {
  const dataOf = (objects: readonly { readonly object: { readonly kind: string } }[]): Record<string, string> => {
    const map = objects.find(({ object }) => object.kind === 'ConfigMap')?.object;
    return (map as { data?: Record<string, string> } | undefined)?.data ?? {};
  };

  test('server.properties has no problem in it, and differs by id and host only', () => {
    const data = dataOf(cluster({ external: true }).objects);
    for (const text of Object.values(data)) expect(parseBrokerSettings(text).problems).toEqual([]);
    const [zero, one] = [data['server-0.properties'] ?? '', data['server-1.properties'] ?? ''];
    expect(one).toBe(zero.replace('broker.id=0', 'broker.id=1').replaceAll('example-kafka-0', 'example-kafka-1'));
    const settings = parseBrokerSettings(zero).settings;
    expect(settings?.zooKeeper).toEqual({
      servers: [{ host: 'example-zookeeper-client.team.svc', port: 2181 }],
      chroot: '',
    });
    expect(settings?.listeners.map(({ name, port }) => [name, port])).toEqual([
      ['REPLICATION', 9091],
      ['PLAIN', 9092],
      ['EXTERNAL', 9094],
    ]);
  });

  test('zoo.cfg has no problem in it, and is that of an ensemble which may change', () => {
    for (const [replicas, count] of [
      [1, 1],
      [3, 5],
    ] as const) {
      const data = dataOf(ensemble({ replicas }, count).objects);
      expect(Object.keys(data)).toHaveLength(count);
      for (const text of Object.values(data)) {
        const { settings, problems } = parseEnsembleSettings(text);
        expect(problems).toEqual([]);
        expect(settings?.servers.map(({ id, host }) => [id, host])).toEqual(
          Array.from({ length: count }, (_, index) => [
            index + 1,
            `example-zookeeper-${index}.example-zookeeper-nodes.team.svc`,
          ]),
        );
        expect(settings?.get('standaloneEnabled')).toBe(false);
        expect(settings?.get('reconfigEnabled')).toBe(true);
      }
    }
  });

  test('a server answers the words that the operator asks for, whatever else it may', () => {
    const wordsOf = (config: object) =>
      parseEnsembleSettings(dataOf(ensemble({ config }).objects)['zoo-0.cfg'] ?? '').settings?.get(
        '4lw.commands.whitelist',
      );
    expect(wordsOf({ '4lw.commands.whitelist': 'cons, srvr' })).toEqual(['srvr', 'ruok', 'mntr', 'conf', 'cons']);
    expect(wordsOf({ '4lw.commands.whitelist': '*' })).toEqual(['*']);
  });

  test('the password is in the Secret alone, and pods are given its digest only', () => {
    const { superUser: secret, objects } = ensemble();
    expect(superUserIn(secret.object as Secret)).toEqual(superUser);
    expect(superUserIn({ ...(secret.object as Secret), data: { password: 'eA==' } })).toBeUndefined();
    const text = JSON.stringify(objects);
    expect(text).not.toContain(superUser.digest);
    expect(text).not.toContain(Buffer.from(superUser.password).toString('base64'));
    expect(text).toContain('"items":[{"key":"superDigest","path":"digest"}]');
  });

  test('a broker advertises its outside address, an IPv6 one in brackets', () => {
    expect(advertisedListeners(kafkaCluster({ external: true }), 1, { host: '203.0.113.9' })).toBe(
      'REPLICATION://example-kafka-1.example-kafka-brokers.team.svc:9091,' +
        'PLAIN://example-kafka-1.example-kafka-brokers.team.svc:9092,EXTERNAL://203.0.113.9:9094',
    );
    expect(advertisedListeners(kafkaCluster({ external: true }), 0, { host: '2001:db8::1' })).toContain(
      'EXTERNAL://[2001:db8::1]:9094',
    );
    expect(advertisedListeners(kafkaCluster({ external: true }), 0, { host: '127.0.0.1', port: 20_007 })).toContain(
      'svc:9092,EXTERNAL://127.0.0.1:20007',
    );
  });
});

describe('replication by the number of brokers, and by what the engine keeps', () => {
  test.each([
    ['apache', 1, '1', '1'],
    ['apache', 2, '2', '2'],
    ['apache', 3, '3', '2'],
    ['apache', 9, '3', '2'],
    ['embedded', 3, '1', '1'],
  ] as const)('%s with %i brokers: factor %s, %s in sync', (engine, replicas, factor, inSync) => {
    const { shared } = effectiveConfig(kafkaCluster({ engine, replicas }));
    expect(shared).toMatchObject({
      'default.replication.factor': factor,
      'offsets.topic.replication.factor': factor,
      'min.insync.replicas': inSync,
      'transaction.state.log.min.isr': inSync,
    });
  });

  test('a user who asks for more is told what is in effect', () => {
    const { shared, limited } = effectiveConfig(
      kafkaCluster({ config: { 'min.insync.replicas': 2, 'num.partitions': 5 } }),
    );
    expect(shared['min.insync.replicas']).toBe('1');
    expect(shared['num.partitions']).toBe('5');
    expect(limited).toEqual([{ key: 'min.insync.replicas', asked: '2', given: '1' }]);
  });
});

describe('a revision changes only with what needs a restart', () => {
  const { revision } = cluster();
  test.each([
    ['more brokers', { replicas: 5, config: { 'default.replication.factor': 1 } }, true],
    ['larger volumes', { storage: { size: '20Gi' } }, true],
    ['a deletion policy', { storage: { deletionPolicy: 'Delete' } }, true],
    ['a property', { config: { 'num.partitions': 2 } }, false],
    ['more memory', { resources: { memory: '1Gi' } }, false],
    ['brokers outside', { external: true }, false],
  ])('%s', (_what, spec, isSame) => {
    expect(cluster(spec).revision === revision).toBe(isSame);
  });
});

describe('an ensemble is restarted only for what its servers read at their start', () => {
  const { revision } = ensemble();
  test.each([
    ['more servers', { replicas: 5 }, true],
    ['larger volumes', { storage: { size: '20Gi' } }, true],
    ['a property', { config: { tickTime: 3000 } }, false],
    ['more memory', { resources: { memory: '1Gi' } }, false],
  ])('%s', (_what, spec, isSame) => {
    expect(ensemble(spec).revision === revision).toBe(isSame);
  });
  test('another password', () => {
    const other = { image: images.embedded, live: undefined, serverCount: 1, superUser: superUserOf('another') };
    expect(desiredZooKeeper(zooKeeper(), other).revision).not.toBe(revision);
  });
});

describe('the spec in effect', () => {
  const live = liveStatefulSet(cluster({ config: { 'num.partitions': 4 } }).objects);
  const acceptFor = (there: typeof live | undefined) => (spec: object) =>
    acceptKafkaCluster(kafkaCluster({ config: { 'num.partitions': 4 }, ...spec }), there);
  const accept = acceptFor(live);
  const reasons = (accepted: ReturnType<typeof accept>) =>
    accepted.refusals.map(({ reason, field }) => `${reason} ${field}`);

  test('is the one asked for when nothing is refused', () => {
    const accepted = accept({ replicas: 5 });
    expect(accepted.refusals).toEqual([]);
    expect(accepted.effective?.spec.replicas).toBe(5);
  });

  test('keeps the brokers, volumes, engine and ensemble that there are', () => {
    const accepted = accept({
      replicas: 1,
      storage: { size: '1Gi', storageClass: 'other' },
      engine: 'apache',
      coordination: { zooKeeper: { name: 'elsewhere' } },
      resources: { memory: '1Gi' },
    });
    expect(reasons(accepted)).toEqual([
      'ScaleDownNotSupported spec.replicas',
      'StorageShrinkNotSupported spec.storage.size',
      'StorageClassChangeNotSupported spec.storage.storageClass',
      'EngineChangeNotSupported spec.engine',
      'CoordinationChangeNotSupported spec.coordination',
    ]);
    expect(accepted.effective?.spec).toMatchObject({
      replicas: 3,
      storage: { size: '10Gi' },
      engine: 'embedded',
      coordination: { zooKeeper: { name: 'example' } },
      // What is not refused is done.
      resources: { memory: '1Gi' },
    });
  });

  test('keeps the last good config when one key of the new one is refused', () => {
    const accepted = accept({ config: { 'num.partitions': 9, 'broker.id': 1 } });
    expect(reasons(accepted)).toEqual(['ConfigKeyForbidden spec.config[broker.id]']);
    expect(accepted.effective?.spec.config).toEqual({ 'num.partitions': '4' });
  });

  test('is none for a new cluster with anything refused', () => {
    const acceptNew = acceptFor(undefined);
    expect(acceptNew({ config: { 'broker.id': 1 } }).effective).toBeUndefined();
    expect(acceptNew({ coordination: { quorum: {} } }).effective).toBeUndefined();
  });

  test('of an ensemble of four is none, and one that runs is kept when four are asked for', () => {
    const four = zooKeeper({ replicas: 4, resources: { memory: '1Gi' } });
    expect(acceptZooKeeper(four, undefined).effective).toBeUndefined();
    // It is on its way from five to three.
    const kept = acceptZooKeeper(four, liveStatefulSet(ensemble({ replicas: 3 }, 5).objects));
    expect(kept.effective?.spec).toMatchObject({ replicas: 3, resources: { memory: '1Gi' } });
    expect(kept.refusals.map(({ reason }) => reason)).toEqual(['ReplicasNotSupported']);
  });

  test.each([3, 5, 1])('of an ensemble of three may be one of %i', (replicas) => {
    const live = liveStatefulSet(ensemble({ replicas: 3 }).objects);
    const accepted = acceptZooKeeper(zooKeeper({ replicas }), live);
    expect(accepted).toMatchObject({ refusals: [], effective: { spec: { replicas } } });
  });

  test.each([
    'reconfigEnabled',
    'standaloneEnabled',
    'DigestAuthenticationProvider.superDigest',
    'server.1',
  ])('cannot have %s, which the operator needs', (key) => {
    const { refusals } = acceptZooKeeper(zooKeeper({ config: { [key]: 'x' } }), undefined);
    expect(refusals.map(({ field }) => field)).toEqual([`spec.config[${key}]`]);
  });
});
