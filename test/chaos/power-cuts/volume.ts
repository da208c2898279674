import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** As a file with holes: only what is written costs room. Nothing is purged in so short a time. */
const sizeBytes = 2 * 1024 * 1024 * 1024;
const unmountAttempts = 100;

/**
 * EXT4_IOC_SHUTDOWN without a flush of the journal (EXT4_GOING_FLAGS_NOLOGFLUSH): from that moment nothing more reaches
 * the device, and what was not synced is lost, as if the power had gone. One line of JSON, a list of mounted folders, is
 * one power cut.
 */
const cutterProgram = `
import fcntl, json, os, struct, sys
for line in sys.stdin:
    for folder in json.loads(line):
        handle = os.open(folder, os.O_RDONLY)
        fcntl.ioctl(handle, 0x8004587D, struct.pack("I", 2))
        os.close(handle)
    print("cut", flush=True)
`;

/** What this machine lacks, each a sentence; empty if power can be cut here. */
export function missingForPowerCuts(): string[] {
  const missing: string[] = [];
  if (process.platform !== 'linux') return [`power cuts need Linux with ext4, and this is ${process.platform}`];
  if (process.getuid?.() !== 0) missing.push('power cuts mount file systems: run as root');
  for (const [program, ...args] of [
    ['mkfs.ext4', '-V'],
    ['python3', '-V'],
    ['mount', '-V'],
  ] as [string, ...string[]][]) {
    try {
      execFileSync(program, args, { stdio: 'ignore' });
    } catch {
      missing.push(`${program} is missing`);
    }
  }
  try {
    accessSync('/dev/loop-control');
  } catch {
    missing.push('/dev/loop-control is missing: the kernel has no loop devices, or this container may not use them');
  }
  return missing;
}

/** A small ext4 in a file, mounted over a loop device. */
export class Volume {
  readonly folder: string;
  readonly #image: string;
  #mounted = false;

  /** @param parent  exists; the image and the mount point are made in it */
  constructor(parent: string, name: string) {
    this.#image = join(parent, `${name}.ext4`);
    this.folder = join(parent, name);
    mkdirSync(this.folder);
    writeFileSync(this.#image, '');
    truncateSync(this.#image, sizeBytes);
    execFileSync('mkfs.ext4', ['-q', '-F', this.#image]);
    this.mount();
  }

  mount(): void {
    execFileSync('mount', ['-o', 'loop', this.#image, this.folder]);
    this.#mounted = true;
  }

  /** Nobody may use it any more; a process that was just killed may need a moment. */
  async unmount(): Promise<void> {
    for (let attempt = 1; this.#mounted; attempt++) {
      try {
        execFileSync('umount', [this.folder], { stdio: 'pipe' });
        this.#mounted = false;
      } catch (error) {
        if (attempt === unmountAttempts) throw error;
        await new Promise((done) => setTimeout(done, 20));
      }
    }
  }

  async destroy(): Promise<void> {
    await this.unmount();
    rmSync(this.#image, { force: true });
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class PowerSwitch {
  readonly #cutter: ChildProcess = spawn('python3', ['-u', '-c', cutterProgram], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });

  /** Resolves when nothing more reaches these volumes. */
  cut(volumes: readonly Volume[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#cutter.once('exit', () => reject(new Error('the program that cuts the power has ended')));
      this.#cutter.stdout?.once('data', () => {
        this.#cutter.removeAllListeners('exit');
        resolve();
      });
      this.#cutter.stdin?.write(`${JSON.stringify(volumes.map(({ folder }) => folder))}\n`);
    });
  }

  close(): void {
    this.#cutter.stdin?.end();
  }
}
