import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Address, Result } from '../base/index.ts';
import { failure, success } from '../base/index.ts';
import { ZooKeeperClient } from '../client/zookeeper/index.ts';
import { createLogger, nodeDisk, nodeNetwork, systemClock, systemRandom } from '../platform/index.ts';
import { parseBackup, readTree, renderBackup, writeTree } from '../zookeeper/index.ts';

type Options = { readonly server: string; readonly auth?: string; readonly merge?: boolean };

const SESSION_MS = 30_000;
const CONNECT_MS_MAX = 15_000;
const DEFAULT_PORT = 2181;

/** `backup FILE` and `restore FILE`: over the client protocol, so also from and to an Apache ZooKeeper. */
export function backupCommands(done: (exitCode: number) => void): Command[] {
  const common = (command: Command): Command =>
    command
      .argument('<file>', 'the backup')
      .requiredOption('--server <host:port,...>', 'any servers of the ensemble')
      .option('--auth <user:password>', 'credentials of scheme digest, for nodes that not everybody may read');
  return [
    common(new Command('backup').description('saves all nodes but ephemeral ones, as they are at one moment')).action(
      async (file: string, options: Options) => done(await withClient(options, (client) => backup(client, file))),
    ),
    common(new Command('restore').description('creates the nodes of a backup on a server that is empty'))
      .option('--merge', 'write into a server that is not empty')
      .action(async (file: string, options: Options) =>
        done(await withClient(options, (client) => restore(client, file, options.merge === true))),
      ),
  ];
}

async function backup(client: ZooKeeperClient, file: string): Promise<Result<string, string>> {
  const nodes = await readTree(client, systemClock);
  if (!nodes.ok) return nodes;
  nodeDisk.replace(file, renderBackup(nodes.value, client.lastZxid, new Date()));
  return success(`saved ${nodes.value.length} nodes to ${file}`);
}

async function restore(client: ZooKeeperClient, file: string, merge: boolean): Promise<Result<string, string>> {
  const nodes = parseBackup(readFileSync(file, 'utf8'));
  if (!nodes.ok) return failure(`${file}: ${nodes.problem}`);
  const written = await writeTree(client, nodes.value, { merge });
  return written.ok ? success(`restored ${written.value} nodes from ${file}`) : written;
}

async function withClient(
  options: Options,
  work: (client: ZooKeeperClient) => Promise<Result<string, string>>,
): Promise<number> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const client = new ZooKeeperClient(
    {
      servers: options.server.split(',').map(addressOf),
      sessionTimeoutMs: SESSION_MS,
      ...(options.auth === undefined ? {} : { auth: [{ scheme: 'digest', auth: Buffer.from(options.auth) }] }),
    },
    {
      network: nodeNetwork(),
      clock: systemClock,
      random: systemRandom(),
      logger: createLogger('zookeeper', { out: 2 }),
    },
  );
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), CONNECT_MS_MAX);
  });
  try {
    if (!(await Promise.race([client.connected(), tooLong]))) {
      say(`no server of ${options.server} has answered within ${CONNECT_MS_MAX / 1000} s`);
      return 1;
    }
    const outcome = await work(client);
    say(outcome.ok ? outcome.value : outcome.problem);
    return outcome.ok ? 0 : 1;
  } catch (error) {
    say((error as Error).message);
    return 1;
  } finally {
    clearTimeout(timer);
    await client.close();
  }
}

function addressOf(text: string): Address {
  const match = /^\s*(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?\s*$/.exec(text);
  return { host: match?.[1] ?? match?.[2] ?? text, port: Number(match?.[3] ?? DEFAULT_PORT) };
}
