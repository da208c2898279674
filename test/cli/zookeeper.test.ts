import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zookeeper-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): { status: number | null; text: string } {
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'zookeeper', ...args], {
    encoding: 'utf8',
    timeout: 15_000,
  });
  return { status, text: `${stdout}${stderr}` };
}

function config(lines: readonly string[]): string {
  const file = join(folder, 'zoo.cfg');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

test('help says what the role takes', () => {
  const { status, text } = run('--help');
  expect(status).toBe(0);
  for (const word of ['zoo.cfg', '--health-port', 'backup', 'restore']) expect(text).toContain(word);
});

test('a bad property is named with its line, and the server does not start', () => {
  const file = config(['tickTime=2000', `dataDir=${folder}/data`, 'clientPort=many']);
  const { status, text } = run(file);
  expect(status).toBe(2);
  expect(text).toMatch(/zoo\.cfg:3: clientPort must be a whole number, not \\"many\\"/);
});

test('a server of an ensemble without its number says where it belongs', () => {
  const servers = [1, 2, 3].map((id) => `server.${id}=127.0.0.1:${20_000 + id}:${21_000 + id}`);
  const file = config([`dataDir=${folder}/data`, 'clientPort=0', 'initLimit=10', 'syncLimit=5', ...servers]);
  const missing = run(file);
  expect(missing.status).toBe(2);
  expect(missing.text).toMatch(
    /data\/myid is missing: it holds the number of this server, one of server\.1, server\.2/,
  );
  // The index of a pod gives a number to a folder that has none, and never changes one.
  expect(run(file, '--ordinal', '6').text).toMatch(/holds 7, which is none of the servers/);
  expect(readFileSync(join(folder, 'data', 'myid'), 'utf8')).toBe('7\n');
  expect(run(file, '--ordinal', '0').text).toMatch(/holds 7,/);
});

test('a property may come from a file of its own, so that a secret need not stand beside the others', () => {
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'no-number\n');
  const file = config([`dataDir=${folder}/data`, 'clientPort=0', 'tickTime=2000']);
  expect(run(file, '--override', `tickTime=@${secret}`)).toMatchObject({ status: 2 });
  expect(run(file, '--override', `tickTime=@${secret}`).text).toMatch(/tickTime must be .*no-number/);
  expect(run(file, '--override', `tickTime=@${secret}-not`).text).toMatch(/the file cannot be read/);
  expect(run(file, '--override', 'tickTime').text).toMatch(/not of the form key=value/);
});

test('a damaged folder stops the start with a sentence that says what to do', () => {
  const data = join(folder, 'data', 'version-2');
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'snapshot.5'), 'nonsense');
  const { status, text } = run(config([`dataDir=${folder}/data`, 'clientPort=0', 'admin.enableServer=false']));
  expect(status).toBe(1);
  expect(text).toMatch(/every snapshot in .* is damaged .*take the data of a healthy server or a backup/);
});

test('the folder of a server alone is not taken for that of several, nor the other way round', () => {
  const data = join(folder, 'data');
  mkdirSync(join(data, 'version-2'), { recursive: true });
  writeFileSync(join(data, 'version-2', 'log.1'), '');
  const common = [`dataDir=${data}`, 'clientPort=0', 'admin.enableServer=false'];
  const several = ['initLimit=5', 'syncLimit=2', 'server.1=127.0.0.1:20001:21001', 'server.2=127.0.0.1:20002:21002'];
  const together = run(config([...common, ...several]), '--ordinal', '0');
  expect(together.status).toBe(1);
  expect(together.text).toMatch(/holds the data of a server alone.*standaloneEnabled=false.*reconfig/);
  mkdirSync(join(data, 'ensemble-1'));
  const alone = run(config(common));
  expect(alone.status).toBe(1);
  expect(alone.text).toMatch(/holds the data of an ensemble's server/);
});
