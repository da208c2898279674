import type { Clock, Logger, Timer } from '../base/index.ts';
import type { PartitionLog } from '../log/index.ts';
import type { Services } from './handlers/index.ts';

/** A log that went offline is loaded again so often, in case there is room on its disk now. */
const reloadPeriodMs = 5_000;

/**
 * What happens to logs whoever asks for nothing: retention, checkpoints, removal of deleted files, expiry of producers,
 * flushes by time, and coming back after storage problems.
 *
 * Source: LogManager.scala.
 */
export class LogMaintenance {
  private readonly services: Services;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly timers: Timer[] = [];

  constructor(services: Services, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.services = services;
    this.clock = clock;
    this.logger = logger;
  }

  start(): void {
    const { settings, folders } = this.services;
    const every = (periodMs: number, what: string, run: () => void): void => {
      this.timers.push(
        this.clock.every(periodMs, () => {
          try {
            run();
          } catch (error) {
            this.logger.error({ err: error, what }, 'log maintenance failed; it is tried again');
          }
        }),
      );
    };
    const deleteDelayMs = Number(settings.get('log.segment.delete.delay.ms'));
    every(Number(settings.get('log.retention.check.interval.ms')), 'retention', () => {
      for (const folder of folders) folder.deleteOld((log) => this.highWatermarkOf(log) ?? 0, deleteDelayMs);
      for (const log of this.logs())
        log.producerState.expire(this.clock.nowMs(), settings.get('producer.id.expiration.ms'));
    });
    every(Math.max(1_000, settings.get('log.flush.offset.checkpoint.interval.ms')), 'checkpoint', () =>
      this.checkpoint(),
    );
    every(Math.max(1_000, Math.min(10_000, deleteDelayMs)), 'deleted files', () => {
      for (const folder of folders) folder.eraseLeftovers(this.clock.monotonicMs());
    });
    every(1_000, 'flush by time', () => {
      for (const log of this.logs())
        if (log.config.flushMs < Number.MAX_SAFE_INTEGER && log.unsyncedForMs > log.config.flushMs) void log.flush();
    });
    every(reloadPeriodMs, 'offline logs', () => {
      for (const log of this.logs()) if (log.storageProblem !== undefined) log.reload();
    });
  }

  private checkpoint(): void {
    for (const folder of this.services.folders) folder.checkpoint((log) => this.highWatermarkOf(log));
  }

  private highWatermarkOf(log: PartitionLog): number | undefined {
    return this.services.replicas.get(log.topic, log.partition)?.highWatermark;
  }

  private *logs(): Generator<PartitionLog, void, undefined> {
    for (const folder of this.services.folders) yield* folder.all();
  }

  stop(): void {
    for (const timer of this.timers) timer.cancel();
  }
}
