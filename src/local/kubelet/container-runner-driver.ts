import type { Address, Clock, Timer } from '../../base/index.ts';
import { createLogWriter } from './container-log.ts';
import { type ContainerProcess, type Exit, type Launch, startProcess } from './container-process.ts';
import type { Container } from './environment.ts';
import { type ProbeTarget, runHandler } from './probe.ts';
import { type ProbeLoop, startProbe } from './probe-driver.ts';
import type { ProcessRegistry } from './process-registry.ts';
import { afterExit, isRestarted, noCrashes } from './restart-backoff.ts';

//   waiting ──start──▶ running ──exit──▶ terminated ──restart policy: no──▶ (stays)
//      ▲                                     │
//      └───────────── back-off ──────────────┘

export type Terminated = {
  readonly kind: 'terminated';
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | undefined;
  readonly reason: 'Completed' | 'Error';
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
};

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly kind: 'running'; readonly startedAtMs: number }
  | Terminated;

/** All that a pod's status says about one container. */
export type ContainerRecord = {
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  readonly lastState: Terminated | undefined;
  readonly restartCount: number;
  /** Past its startup probe. */
  readonly started: boolean;
  readonly ready: boolean;
};

export type RunnerEvent = { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly note: string };

export interface ContainerRunner {
  readonly record: ContainerRecord;
  /** The process that runs now, and its arguments. */
  readonly running: { readonly pid: number; readonly args: readonly string[] } | undefined;
  /** The log of the present (or last) run, or of the one before. */
  logPath(options: { readonly previous: boolean }): string;
  /** Resolves when the container will not run again. */
  run(): Promise<void>;
  /** preStop, SIGTERM, and SIGKILL when the time is over. Resolves when the process is gone. */
  terminate(graceMs: number): Promise<void>;
}

export type RunnerOptions = {
  readonly container: Container;
  readonly what: string;
  readonly served: (port: number) => Address;
  readonly logFolder: string;
  readonly restartPolicy: string | undefined;
  /** An init container is not probed and never runs again after a success. */
  readonly isInit: boolean;
  readonly restartCount: number;
  readonly lastState: Terminated | undefined;
  /** Reads everything anew, since a ConfigMap or an address can have changed since the last start. */
  readonly prepare: () => Promise<{ readonly launch: Launch } | { readonly reason: string; readonly message: string }>;
  readonly onChange: () => void;
  readonly onEvent: (event: RunnerEvent) => void;
  readonly onLog: () => void;
};

const configurationRetryMs = 1_000;
const postStartTimeoutMs = 60_000;

export function createContainerRunner(
  options: RunnerOptions,
  { clock, registry }: { readonly clock: Clock; readonly registry: ProcessRegistry },
): ContainerRunner {
  const { container } = options;
  const stopping = new AbortController();
  let state: ContainerState = { kind: 'waiting', reason: options.isInit ? 'PodInitializing' : 'ContainerCreating' };
  let lastState = options.lastState;
  let restartCount = options.restartCount;
  let started = false;
  let ready = false;
  let process: ContainerProcess | undefined;
  let probes: ProbeLoop[] = [];
  let launch: Launch | undefined;
  let crashes = noCrashes;
  let finished: Promise<void> | undefined;
  /** A probe's verdict ends the run. */
  let killing = false;
  let wasReady = false;

  function change(next: Partial<{ state: ContainerState; started: boolean; ready: boolean }>): void {
    const before = JSON.stringify([state, started, ready]);
    state = next.state ?? state;
    started = next.started ?? started;
    ready = next.ready ?? ready;
    wasReady ||= ready;
    if (before !== JSON.stringify([state, started, ready])) options.onChange();
  }

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (stopping.signal.aborted) return resolve();
      const wake = (): void => {
        timer.cancel();
        resolve();
      };
      const timer: Timer = clock.after(ms, () => {
        stopping.signal.removeEventListener('abort', wake);
        resolve();
      });
      stopping.signal.addEventListener('abort', wake, { once: true });
    });

  const target: ProbeTarget = {
    served: options.served,
    container,
    command: (argv) => ({
      command: argv[0] ?? 'true',
      args: argv.slice(1),
      environment: launch?.environment ?? {},
      folder: launch?.folder ?? '/',
    }),
  };

  async function loop(): Promise<void> {
    for (;;) {
      const exit = await runOnce();
      if (stopping.signal.aborted) return;
      if (exit === undefined) continue;
      const isAgain = options.isInit
        ? exit.exitCode !== 0 && options.restartPolicy !== 'Never'
        : isRestarted(options.restartPolicy, exit.exitCode);
      if (!isAgain) return;
      const after = afterExit(crashes, exit);
      crashes = after.history;
      if (after.delayMs > 0) {
        const note = `Back-off restarting failed container ${container.name} in pod ${options.what}`;
        options.onEvent({ type: 'Warning', reason: 'BackOff', note });
        const message = `back-off ${after.delayMs / 1000}s restarting failed container=${container.name}`;
        change({ state: { kind: 'waiting', reason: 'CrashLoopBackOff', message } });
        await wait(after.delayMs);
        if (stopping.signal.aborted) return;
      }
      restartCount++;
    }
  }

  /** One run from start to exit; undefined if it could not be prepared, after a pause. */
  async function runOnce(): Promise<(Exit & { readonly ranMs: number; readonly wasKilled: boolean }) | undefined> {
    const prepared = await options.prepare();
    if (stopping.signal.aborted) return undefined;
    if (!('launch' in prepared)) {
      if (state.kind !== 'waiting' || state.message !== prepared.message) {
        options.onEvent({ type: 'Warning', reason: 'Failed', note: prepared.message });
      }
      change({ state: { kind: 'waiting', reason: prepared.reason, message: prepared.message } });
      await wait(configurationRetryMs);
      return undefined;
    }
    launch = prepared.launch;
    const startedMonotonicMs = clock.monotonicMs();
    const startedAtMs = clock.nowMs();
    const log = createLogWriter(logPath(restartCount), () => clock.nowMs(), options.onLog);
    let exit: Exit;
    try {
      process = await startProcess(launch, log, registry, options.what);
    } catch (error) {
      await log.end();
      const message = `cannot start "${launch.command}": ${(error as Error).message}`;
      options.onEvent({ type: 'Warning', reason: 'Failed', note: message });
      exit = { exitCode: 128, signal: undefined };
      finishRun(exit, startedAtMs);
      return { ...exit, ranMs: 0, wasKilled: false };
    }
    options.onEvent({ type: 'Normal', reason: 'Started', note: `Started container ${container.name}` });
    wasReady = false;
    const isOpen = container.startupProbe === undefined;
    change({
      state: { kind: 'running', startedAtMs },
      started: isOpen,
      ready: isOpen && container.readinessProbe === undefined && !options.isInit,
    });
    if (!options.isInit) void beginProbing(process);
    exit = await process.ended;
    const wasKilled = exit.signal === 'SIGKILL' && wasReady && !killing;
    process = undefined;
    finishRun(exit, startedAtMs);
    return { ...exit, ranMs: clock.monotonicMs() - startedMonotonicMs, wasKilled };
  }

  function finishRun(exit: Exit, startedAtMs: number): void {
    stopProbes();
    killing = false;
    const terminated: Terminated = {
      kind: 'terminated',
      ...exit,
      reason: exit.exitCode === 0 ? 'Completed' : 'Error',
      startedAtMs,
      finishedAtMs: clock.nowMs(),
    };
    lastState = terminated;
    change({ state: terminated, started: false, ready: false });
  }

  async function beginProbing(owner: ContainerProcess): Promise<void> {
    const postStart = container.lifecycle?.postStart;
    if (postStart !== undefined) {
      const problem = await runHandler(postStart, target, postStartTimeoutMs);
      if (process !== owner) return;
      if (problem !== undefined) {
        options.onEvent({ type: 'Warning', reason: 'FailedPostStartHook', note: problem });
        void kill(`FailedPostStartHook`, owner);
        return;
      }
    }
    if (container.startupProbe === undefined) startMainProbes(owner);
    else {
      const loop = startOne('Startup', container.startupProbe, true, (isGood, message) => {
        if (!isGood) {
          void kill(`Container ${container.name} failed startup probe, will be restarted: ${message}`, owner);
          return;
        }
        loop.stop();
        change({ started: true, ready: container.readinessProbe === undefined });
        startMainProbes(owner);
      });
    }
  }

  function startMainProbes(owner: ContainerProcess): void {
    if (container.readinessProbe !== undefined) {
      startOne('Readiness', container.readinessProbe, true, (isGood) => change({ ready: isGood }));
    }
    if (container.livenessProbe !== undefined) {
      startOne('Liveness', container.livenessProbe, false, (isGood, message) => {
        if (!isGood)
          void kill(`Container ${container.name} failed liveness probe, will be restarted: ${message}`, owner);
      });
    }
  }

  function startOne(
    name: string,
    spec: NonNullable<Container['livenessProbe']>,
    isEager: boolean,
    onVerdict: (isGood: boolean, message: string) => void,
  ): ProbeLoop {
    const timeoutMs = (spec.timeoutSeconds ?? 1) * 1000;
    const loop = startProbe(
      spec,
      {
        run: () => runHandler(spec, target, timeoutMs),
        onVerdict,
        onFailure: (message) =>
          options.onEvent({ type: 'Warning', reason: 'Unhealthy', note: `${name} probe failed: ${message}` }),
        isEager,
      },
      clock,
    );
    probes.push(loop);
    return loop;
  }

  function stopProbes(): void {
    for (const probe of probes) probe.stop();
    probes = [];
  }

  /** Ends a run that is to be followed by another. */
  async function kill(why: string, owner: ContainerProcess): Promise<void> {
    if (killing || process !== owner) return;
    killing = true;
    options.onEvent({ type: 'Normal', reason: 'Killing', note: why });
    await end(owner, (container.livenessProbe?.terminationGracePeriodSeconds ?? 30) * 1000);
  }

  async function end(owner: ContainerProcess, graceMs: number): Promise<void> {
    stopProbes();
    const deadlineMs = clock.monotonicMs() + graceMs;
    const preStop = container.lifecycle?.preStop;
    if (preStop !== undefined && graceMs > 0) {
      const problem = await runHandler(preStop, target, graceMs);
      if (problem !== undefined) options.onEvent({ type: 'Warning', reason: 'FailedPreStopHook', note: problem });
    }
    if (graceMs > 0) owner.signal('SIGTERM');
    const timer = clock.after(Math.max(0, deadlineMs - clock.monotonicMs()), () => owner.kill());
    await owner.ended;
    timer.cancel();
  }

  const logPath = (run: number): string => `${options.logFolder}/${run}.log`;

  return {
    get record() {
      return { name: container.name, image: container.image ?? '', state, lastState, restartCount, started, ready };
    },
    get running() {
      return process === undefined ? undefined : { pid: process.pid, args: launch?.args ?? [] };
    },
    logPath: ({ previous }) => logPath(previous ? restartCount - 1 : restartCount),
    run() {
      finished ??= loop();
      return finished;
    },
    async terminate(graceMs) {
      stopping.abort();
      if (process !== undefined) {
        options.onEvent({ type: 'Normal', reason: 'Killing', note: `Stopping container ${container.name}` });
        change({ ready: false });
        await end(process, graceMs);
      }
      await finished;
    },
  };
}
