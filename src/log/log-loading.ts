import type { Clock, Disk, Logger } from '../base/index.ts';
import type { BatchHeader } from './batch.ts';
import type { LogConfig } from './config.ts';
import { type LeaderEpochs, parseLeaderEpochs, truncatedFromEnd, withEpoch } from './leader-epoch-cache.ts';
import { LogDamage } from './problems.ts';
import { ProducerState } from './producer-state.ts';
import { baseOffsetOfName, Segment, segmentName } from './segment.ts';

/** What the log folder knows of the partition from its checkpoint files. */
export type LoadHints = {
  /** The last stop was orderly: files end where the log ends. */
  readonly wasClean: boolean;
  /** Everything before it was synced. */
  readonly recoveryPoint: number;
  /** From `log-start-offset-checkpoint`; undefined: the first segment's base. */
  readonly logStartOffset: number | undefined;
};

export type LoadedLog = {
  readonly segments: Segment[];
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly producers: ProducerState;
  readonly leaderEpochs: LeaderEpochs;
  /** Bytes that were cut off because they were not whole batches, or segments after such a place. */
  readonly truncatedBytes: number;
};

/**
 * Brings a partition's folder back to a log that can be appended to.
 *
 * ```
 * clean stop ──▶ trust files and indexes; the end is found from the last index entry on
 * crash      ──▶ segments below the recovery point are trusted; the others are walked with checksums:
 *                  bad bytes at or above the recovery point: cut there, drop later segments, rebuild the indexes
 *                  a bad checksum below it: data that was synced is damaged; keep it, say so, go on
 *                  anything else below it: `LogDamage`, the partition stays offline and nothing is destroyed
 * then        ──▶ producer state: newest snapshot at or below the end, plus the batches after it
 * ```
 * Source: LogLoader.java (which also cuts below the recovery point; we do not).
 *
 * @throws LogDamage, or the disk's error
 */
export function loadLog(
  folder: string,
  config: LogConfig,
  hints: LoadHints,
  { disk, clock, logger }: { readonly disk: Disk; readonly clock: Clock; readonly logger: Logger },
): LoadedLog {
  const names = disk.list(folder);
  const unfinished = names.find((name) => name.endsWith('.swap'));
  if (unfinished !== undefined) {
    throw new LogDamage(
      `${folder}/${unfinished} is a compaction that an Apache Kafka broker has not finished; start that broker once on the folder`,
    );
  }
  for (const name of names) {
    if (/\.(deleted|cleaned|tmp)$/.test(name)) disk.remove(`${folder}/${name}`);
  }
  const baseOffsets = names.flatMap((name) => baseOffsetOfName(name, '.log') ?? []).sort((a, b) => a - b);
  const nowMs = clock.nowMs();
  const segments: Segment[] = [];
  let leaderEpochs = readLeaderEpochs(disk, folder, logger);
  let truncatedBytes = 0;
  let logEndOffset = baseOffsets[0] ?? hints.logStartOffset ?? 0;

  for (const [index, baseOffset] of baseOffsets.entries()) {
    const segment = Segment.existing(disk, folder, baseOffset, nowMs);
    const nextBase = baseOffsets[index + 1];
    const isLast = nextBase === undefined;
    segments.push(segment);
    if (hints.wasClean || (!isLast && nextBase <= hints.recoveryPoint)) {
      logEndOffset = loadTrusted(segment, config, nextBase);
      if (!isLast) segment.forgetIndexes();
      continue;
    }
    let lastEpoch = leaderEpochs.at(-1)?.epoch ?? -1;
    let end = baseOffset;
    const visit = (header: BatchHeader): boolean | undefined => {
      if (header.baseOffset < end || header.lastOffset < header.baseOffset) return false; // left over from an older life of the file
      if (nextBase !== undefined && header.lastOffset >= nextBase) return false;
      end = header.lastOffset + 1;
      if (header.leaderEpoch > lastEpoch) {
        leaderEpochs = withEpoch(leaderEpochs, { epoch: header.leaderEpoch, startOffset: header.baseOffset });
        lastEpoch = header.leaderEpoch;
      }
      return undefined;
    };
    const forgive = (header: BatchHeader): boolean => {
      if (header.lastOffset >= hints.recoveryPoint || header.baseOffset < end) return false;
      logger.error(
        { folder, segment: segmentName(baseOffset), offset: header.baseOffset },
        'a batch that was synced has a wrong checksum now: the device has damaged it',
      );
      return true;
    };
    const walked = segment.recover(config, 'whole', visit, forgive);
    logEndOffset = end;
    if (walked.problem === 'unsupportedMagic' && end < hints.recoveryPoint) {
      throw new LogDamage(
        `${segment.pathOf('.log')}, byte ${walked.position}: message format 0 or 1, which this broker does not read`,
      );
    }
    // A power cut may take all of a segment's unsynced end and leave the next segment: the log ends at the hole.
    const endsEarly = nextBase !== undefined && end < nextBase && end >= hints.recoveryPoint;
    if (walked.position === segment.sizeBytes && !endsEarly) {
      if (!isLast) segment.seal();
      continue;
    }
    if (end < hints.recoveryPoint) {
      throw new LogDamage(
        `${segment.pathOf('.log')}, byte ${walked.position}: ${walked.problem ?? 'offsets that do not fit'} at offset ${end}, though everything up to offset ${hints.recoveryPoint} was synced`,
      );
    }
    truncatedBytes += segment.sizeBytes - walked.position;
    segment.truncate(walked.position);
    for (const later of baseOffsets.slice(index + 1)) {
      const dropped = Segment.existing(disk, folder, later, nowMs);
      truncatedBytes += dropped.sizeBytes;
      dropped.markDeleted();
      dropped.erase();
    }
    break;
  }

  if (segments.length === 0) segments.push(Segment.create(disk, folder, logEndOffset, nowMs));
  // DeleteRecords may have moved the start beyond what a crash has left: the log goes on from there, empty.
  if (hints.logStartOffset !== undefined && hints.logStartOffset > logEndOffset) {
    for (const segment of segments) {
      segment.markDeleted();
      segment.erase();
    }
    segments.length = 0;
    logEndOffset = hints.logStartOffset;
    segments.push(Segment.create(disk, folder, logEndOffset, nowMs));
  }
  (segments.at(-1) as Segment).readFirstTimestamp();
  const logStartOffset = Math.max(hints.logStartOffset ?? 0, (segments[0] as Segment).baseOffset);
  const producers = loadProducers(disk, folder, segments, logEndOffset, logger);
  return {
    segments,
    logStartOffset,
    logEndOffset,
    producers,
    leaderEpochs: truncatedFromEnd(leaderEpochs, logEndOffset),
    truncatedBytes,
  };
}

/** @returns the offset after the segment's last batch */
function loadTrusted(segment: Segment, config: LogConfig, nextBase: number | undefined): number {
  const rebuilt = segment.trust(config);
  if (rebuilt !== undefined && rebuilt.position !== segment.sizeBytes) {
    throw new LogDamage(
      `${segment.pathOf('.log')}, byte ${rebuilt.position}: ${rebuilt.problem ?? 'bad batch'}, though the log was closed in order`,
    );
  }
  if (rebuilt !== undefined) segment.seal();
  if (nextBase !== undefined) return nextBase;
  let end = segment.baseOffset;
  const walked = segment.walkFrom(Number.MAX_SAFE_INTEGER, (header, position) => {
    end = header.lastOffset + 1;
    segment.noteTail(header, position);
    return undefined;
  });
  if (walked.position !== segment.sizeBytes) {
    throw new LogDamage(
      `${segment.pathOf('.log')}, byte ${walked.position}: ${walked.problem ?? 'bad batch'}, though the log was closed in order`,
    );
  }
  return end;
}

function readLeaderEpochs(disk: Disk, folder: string, logger: Logger): LeaderEpochs {
  const content = disk.read(`${folder}/leader-epoch-checkpoint`);
  if (content === undefined || content.length === 0) return [];
  const parsed = parseLeaderEpochs(content.toString('utf8'));
  if (parsed.ok) return parsed.value;
  logger.warn({ folder, problem: parsed.problem }, 'leader-epoch-checkpoint is damaged and was left out');
  return [];
}

/** Newest readable snapshot at or below the end, then the headers of the batches after it. */
function loadProducers(
  disk: Disk,
  folder: string,
  segments: readonly Segment[],
  logEndOffset: number,
  logger: Logger,
): ProducerState {
  const producers = new ProducerState();
  const snapshots = disk
    .list(folder)
    .flatMap((name) => baseOffsetOfName(name, '.snapshot') ?? [])
    .sort((a, b) => b - a);
  let from = (segments[0] as Segment).baseOffset;
  let restored = false;
  for (const at of snapshots) {
    const path = `${folder}/${segmentName(at)}.snapshot`;
    if (at > logEndOffset) {
      disk.remove(path);
      continue;
    }
    if (restored) continue;
    const outcome = producers.restore(disk.read(path) ?? Buffer.alloc(0));
    if (outcome.ok) {
      from = Math.max(from, at);
      restored = true;
    } else {
      logger.warn({ path, problem: outcome.problem }, 'a producer snapshot is damaged and was removed');
      disk.remove(path);
    }
  }
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (next !== undefined && next.baseOffset <= from) continue;
    if (from >= logEndOffset) break;
    segment.walkFrom(from, (header) => {
      if (header.baseOffset >= from) producers.update(header);
      return undefined;
    });
    if (next !== undefined) segment.forgetIndexes();
  }
  return producers;
}
