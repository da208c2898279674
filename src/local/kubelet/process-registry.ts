import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../base/index.ts';

/** Every process we start carries the path of its instance's registry in this variable, its children too. */
export const instanceVariable = 'HIKUBE_LOCAL_INSTANCE';
const orderlyEndMs = 8_000;

type ProcessRecord = { readonly pid: number; readonly startedAt: string; readonly what: string };

/**
 * Which processes are ours, on disk: so that a run that was cut off (`kill -9`, power) leaves none behind that its
 * successor cannot find. A process is known by its id *and* its start time, since ids are used again.
 */
export interface ProcessRegistry {
  readonly folder: string;
  remember(pid: number, what: string): void;
  forget(pid: number): void;
  /** Ends what an earlier run left: SIGTERM to each process group, SIGKILL to what is still there after a while. */
  endLeftovers(): Promise<number>;
  /** SIGKILL to all recorded process groups, at once. */
  killAll(): void;
}

export function openProcessRegistry(folder: string, logger: Logger): ProcessRegistry {
  mkdirSync(folder, { recursive: true });
  const fileOf = (pid: number): string => join(folder, `${pid}.json`);

  function recorded(): ProcessRecord[] {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => {
        try {
          const { pid, startedAt, what } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as ProcessRecord;
          if (typeof pid === 'number' && pid > 1 && startedAt === processStart(pid)) return [{ pid, startedAt, what }];
        } catch {
          // A record that was cut off: the variable in the process's environment still tells.
        }
        rmSync(join(folder, name), { force: true });
        return [];
      });
  }

  return {
    folder,
    remember(pid, what) {
      writeFileSync(fileOf(pid), JSON.stringify({ pid, startedAt: processStart(pid), what }));
    },
    forget(pid) {
      rmSync(fileOf(pid), { force: true });
    },
    killAll() {
      for (const { pid } of recorded()) signalGroup(pid, 'SIGKILL');
    },
    async endLeftovers() {
      const found = new Map(recorded().map((record) => [record.pid, record]));
      for (const pid of pidsWithVariable(`${instanceVariable}=${folder}`)) {
        const startedAt = processStart(pid);
        if (!found.has(pid) && startedAt !== undefined) found.set(pid, { pid, startedAt, what: 'a child process' });
      }
      const isThere = ({ pid, startedAt }: ProcessRecord): boolean => processStart(pid) === startedAt;
      const leftovers = [...found.values()].filter(isThere);
      for (const { pid, what } of leftovers) {
        logger.info({ pid, what }, 'ending a process that an earlier run left');
        signalGroup(pid, 'SIGTERM');
      }
      const deadlineMs = performance.now() + orderlyEndMs;
      while (leftovers.some(isThere) && performance.now() < deadlineMs) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      for (const record of leftovers.filter(isThere)) signalGroup(record.pid, 'SIGKILL');
      for (const { pid } of leftovers) rmSync(fileOf(pid), { force: true });
      return leftovers.length;
    },
  };
}

/** Signals the group that the process leads, or the process alone if it leads none. No error if it is gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    try {
      process.kill(pid, signal);
    } catch {
      // Gone already.
    }
  }
}

/** When the process started, in the system's own words; undefined if there is none (or only its remains). */
export function processStart(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // After the name in parentheses: state is field 3, start time field 22.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Linux only: elsewhere the records are all there is. */
function pidsWithVariable(assignment: string): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(assignment);
      } catch {
        return false;
      }
    })
    .map(Number);
}
