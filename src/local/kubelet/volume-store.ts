import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { VolumeFiles } from './volume-files.ts';

const dataLink = '..data';

/**
 * Makes the folder contain exactly these files, in one step for its readers: a new folder beside, then one rename of the
 * link that the files' own links lead through. Writes nothing when nothing changed.
 *
 * Source: Kubernetes' pkg/volume/util/atomic_writer.go; programs that watch `..data` work here too.
 */
export function writeVolume(folder: string, files: VolumeFiles): void {
  const digest = createHash('sha256');
  for (const [path, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    digest.update(`${path}\0${content.length}\0`).update(content);
  }
  const version = `..${digest.digest('hex').slice(0, 20)}`;
  mkdirSync(folder, { recursive: true });
  const link = join(folder, dataLink);
  const present = existsSync(link) ? readlinkSync(link) : undefined;
  if (present === version) return;
  rmSync(join(folder, version), { recursive: true, force: true });
  mkdirSync(join(folder, version));
  for (const [path, content] of files) {
    const file = join(folder, version, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  const temporary = join(folder, '..data_new');
  rmSync(temporary, { force: true });
  symlinkSync(version, temporary);
  renameSync(temporary, link);
  const visible = new Set([...files.keys()].map((path) => path.split('/', 1)[0] as string));
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('..') && !visible.has(name)) rmSync(join(folder, name), { force: true });
  }
  for (const name of visible) {
    const path = join(folder, name);
    if (!existsSync(path)) symlinkSync(join(dataLink, name), path);
  }
  if (present !== undefined) rmSync(join(folder, present), { recursive: true, force: true });
}
