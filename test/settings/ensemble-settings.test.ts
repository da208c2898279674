import { expect, test } from 'vitest';
import { myIdOf, parseEnsembleSettings, sentenceOf, serverOf } from '../../src/settings/index.ts';

test('a standalone server’s file gives its folder, port and derived time-outs', () => {
  const { settings, problems } = parseEnsembleSettings('dataDir=/data\nclientPort=2181\ntickTime=2000');
  expect(problems).toEqual([]);
  expect(settings).toMatchObject({
    dataDir: '/data',
    dataLogDir: '/data',
    clientPort: 2181,
    minSessionTimeoutMs: 4000,
    maxSessionTimeoutMs: 40000,
    servers: [],
  });
});

test('servers stand in the file or in the dynamic file, with client addresses', () => {
  const { settings, problems } = parseEnsembleSettings(
    'dataDir=/d\ninitLimit=10\nsyncLimit=5\ndynamicConfigFile=/d/dyn\nstandaloneEnabled=false',
    (path) =>
      path === '/d/dyn'
        ? 'server.2=[::1]:2888:3888:observer;2182\nserver.1=a:2888:3888;0.0.0.0:2181\nversion=1f'
        : undefined,
  );
  expect(problems).toEqual([]);
  expect(settings?.configVersion).toBe(0x1fn);
  expect(settings?.servers).toEqual([
    {
      id: 1,
      host: 'a',
      quorumPort: 2888,
      electionPort: 3888,
      role: 'participant',
      clientHost: '0.0.0.0',
      clientPort: 2181,
    },
    {
      id: 2,
      host: '::1',
      quorumPort: 2888,
      electionPort: 3888,
      role: 'observer',
      clientHost: undefined,
      clientPort: 2182,
    },
  ]);
});

test('what is missing, wrong or unknown is named with its line', () => {
  const { settings, problems } = parseEnsembleSettings('clientPort=99999\ntickTme=3\nserver.1=a:2888');
  expect(settings).toBeUndefined();
  expect(problems.map((problem) => sentenceOf('zoo.cfg', problem))).toEqual([
    'zoo.cfg:1: clientPort must be at most 65535, not 99999',
    'zoo.cfg:2: tickTme is not a property of a ZooKeeper server: it has no effect; did you mean tickTime?',
    'zoo.cfg:3: server.1 must be host:quorumPort:electionPort[:role][;[clientHost:]clientPort], not "a:2888"',
    'zoo.cfg: dataDir is missing: it names the folder that holds the data',
  ]);
  expect(serverOf('256', 'a:1:2')).toBe('must end in a number from 0 to 255');
  expect(myIdOf('x\n')).toBe('must hold a number from 0 to 255, not "x"');
  expect(myIdOf('3\n')).toBe(3);
});
