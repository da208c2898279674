import { statfs } from 'node:fs/promises';
import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { Services } from './services.ts';

/** Folders with the sizes of their partitions. Versions 0-4: 3 an error for all, 4 the volume's size (KIP-827). */
export async function describeLogDirs(
  services: Services,
  request: RequestOf<typeof apis.describeLogDirs>,
): Promise<ResponseInputOf<typeof apis.describeLogDirs>> {
  const wanted =
    request.topics === null
      ? undefined
      : new Set(request.topics.flatMap(({ topic, partitions }) => partitions.map((each) => `${topic}-${each}`)));
  const results = await Promise.all(
    services.folders.map(async (folder) => {
      const topics = new Map<
        string,
        { partitionIndex: number; partitionSize: number; offsetLag: number; isFutureKey: boolean }[]
      >();
      for (const log of folder.all()) {
        if (wanted !== undefined && !wanted.has(`${log.topic}-${log.partition}`)) continue;
        const partitions = topics.get(log.topic) ?? [];
        topics.set(log.topic, partitions);
        partitions.push({
          partitionIndex: log.partition,
          partitionSize: log.sizeBytes,
          offsetLag: 0,
          isFutureKey: false,
        });
      }
      const volume = await statfs(folder.path).catch(() => undefined);
      return {
        errorCode: errorCode.NONE,
        logDir: folder.path,
        topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
        totalBytes: volume === undefined ? -1 : volume.blocks * volume.bsize,
        usableBytes: volume === undefined ? -1 : volume.bavail * volume.bsize,
      };
    }),
  );
  return { errorCode: errorCode.NONE, results };
}
