import type { Clock, Disk, Result } from '../base/index.ts';
import { failure, success } from '../base/index.ts';
import type { SessionId } from '../protocol/zookeeper/index.ts';
import { dataFolders, ensembleFolder, recover } from './disk/data-folder.ts';
import type { LogWriterOptions } from './disk/log-writer.ts';
import { LogWriter } from './disk/log-writer.ts';
import type { Wish } from './request/decider.ts';
import type { Orderer, ServerDeps } from './server.ts';
import { Server } from './server.ts';
import type { ServerSettings } from './server-settings.ts';

/** One server alone: it decides, and what is in its log on the device is committed. */
class StandaloneOrderer implements Orderer {
  readonly mode = 'standalone';
  readonly decides = true;
  readonly serves = true;
  #server: Server;
  #log: LogWriter;

  constructor(
    server: Server,
    options: LogWriterOptions,
    deps: { readonly disk: Disk; readonly clock: Clock },
    onFailure: (error: Error) => void,
  ) {
    this.#server = server;
    this.#log = new LogWriter(options, deps, {
      durable: (txns) => {
        for (const txn of txns) server.commit(txn);
      },
      failed: onFailure,
      synced: (durationMs) => {
        const { statistics } = server;
        statistics.syncs++;
        statistics.syncMsSum += durationMs;
        if (durationMs > statistics.syncMsMax) statistics.syncMsMax = durationMs;
      },
    });
  }

  submit(wish: Wish): void {
    this.#log.append(this.#server.decider.decide(wish));
  }

  sync(done: (caughtUp: boolean) => void): void {
    // What is committed is applied here before anybody is told.
    done(true);
  }

  renew(session: SessionId, done: (alive: boolean) => void): void {
    const known = this.#server.sessions.get(session);
    done(known !== undefined && !known.closing);
  }

  touched(): void {}

  snapshotDue(): void {
    void this.#server.snapshot();
  }

  monitorValues(): [string, string | number][] {
    return [];
  }

  proposalLines(): string[] {
    return [];
  }

  configLines(): string[] {
    return [];
  }

  rollLog(): void {
    this.#log.roll();
  }

  async close(): Promise<void> {
    await this.#log.flushed();
    this.#log.close();
  }
}

export type RunningServer = {
  readonly server: Server;
  stop(): Promise<void>;
};

/**
 * Recovers the data and serves.
 *
 * @param onFailure  the log cannot be written: the process must end, and start again from what is on the device
 * @returns          a sentence on why it cannot start
 */
export async function startStandalone(
  settings: ServerSettings,
  deps: ServerDeps,
  onFailure: (error: Error) => void,
): Promise<Result<RunningServer, string>> {
  const folders = dataFolders(settings.dataDir, settings.dataLogDir);
  const shared = ensembleFolder(settings.dataLogDir);
  if (deps.disk.isFolder(shared)) {
    return failure(
      `${shared} holds the data of an ensemble's server, and this one is to run alone: give it the server.N lines of its ` +
        'ensemble (one server alone too, with standaloneEnabled=false), or an empty folder',
    );
  }
  const recovered = recover(folders, settings, deps);
  if (!recovered.ok) return recovered;
  const { tree, replayedCount, sessions } = recovered.value;
  deps.logger.info(
    { lastZxid: `0x${tree.lastZxid.toString(16)}`, nodes: tree.nodeCount, sessions: sessions.size, replayedCount },
    'recovered the data',
  );
  const server = new Server(settings, folders, recovered.value, deps);
  const orderer = new StandaloneOrderer(
    server,
    { folder: folders.logs, padBytes: settings.padBytes, bytesMax: settings.logBytesMax, sync: settings.sync },
    deps,
    onFailure,
  );
  const started = await server.start(orderer);
  if (!started.ok) return started;
  return success({
    server,
    async stop() {
      await server.stop();
      await orderer.close();
    },
  });
}
