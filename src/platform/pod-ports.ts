import type { Address } from '../base/index.ts';

const wildcards: readonly string[] = ['', '0.0.0.0', '::'];

/**
 * Where a listener of a simulated pod binds (see `src/local/kubelet`), pure. `HIKUBE_POD_ADDRESS` is what a wildcard
 * address stands for. `HIKUBE_POD_PORTS` (`9092=20001,9404=20002`) is set where pods share one address: each port stands
 * for the other one, and a port that is not in it for any free one, since nobody outside the pod asks for it.
 */
export function podListenAddress({ host, port }: Address, environment: NodeJS.ProcessEnv): Address {
  const podAddress = environment.HIKUBE_POD_ADDRESS;
  if (podAddress === undefined || !wildcards.includes(host)) return { host, port };
  const ports = environment.HIKUBE_POD_PORTS;
  return { host: podAddress, port: ports === undefined ? port : (parsePorts(ports.split(',')).get(port) ?? 0) };
}

/** `9092=20001` and the like; what has another form is left out. */
export function parsePorts(entries: readonly string[]): ReadonlyMap<number, number> {
  return new Map(
    entries.flatMap((entry) => {
      const match = /^(\d{1,5})=(\d{1,5})$/.exec(entry);
      return match === null ? [] : [[Number(match[1]), Number(match[2])] as const];
    }),
  );
}
