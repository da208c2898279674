import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The programs that ours are held against; their coordinates are in `originals/NAME.xml`. */
export type Original = 'kafka-3.9' | 'kafka-4' | 'zookeeper-3.9' | 'curator-5';

/**
 * Java class path (`FOLDER/*`) of an original. The first call on a machine brings its jars from Maven Central into a
 * cache; later calls only look there. Needs `mvn` and `java`.
 *
 * @throws when the jars cannot be had, with Maven's last words
 */
export function classPathOf(original: Original): string {
  const cache = process.env.HIKUBE_ORIGINALS ?? join(homedir(), '.cache', 'hikube-kafka', 'originals');
  const folder = join(cache, original);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const partial = `${folder}.${process.pid}`;
    const pom = join(import.meta.dirname, 'originals', `${original}.xml`);
    let lastWords = '';
    for (let attempt = 1; attempt <= 3; attempt++) {
      const maven = spawnSync(
        'mvn',
        [
          '-B',
          '-q',
          '-U',
          '-f',
          pom,
          'dependency:copy-dependencies',
          '-DincludeScope=runtime',
          `-DoutputDirectory=${partial}`,
        ],
        { encoding: 'utf8', maxBuffer: 1 << 26 },
      );
      if (maven.status === 0) {
        if (existsSync(folder)) rmSync(partial, { recursive: true });
        else renameSync(partial, folder);
        return join(folder, '*');
      }
      lastWords = maven.error?.message ?? `${maven.stdout}\n${maven.stderr}`.trim().split('\n').slice(-12).join('\n');
    }
    throw new Error(`could not bring the jars of ${original}: ${lastWords}`);
  }
  return join(folder, '*');
}

/** Brings every original named on the command line into the cache: `node test/support/originals.ts kafka-3.9 ...`. */
if (import.meta.main) {
  for (const name of process.argv.slice(2)) process.stdout.write(`${name} ${classPathOf(name as Original)}\n`);
}
