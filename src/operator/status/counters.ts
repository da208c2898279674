import type { Metric } from '../../base/index.ts';

/** Plain numbers, read when somebody asks. */
export type OperatorCounters = {
  readonly passes: Map<string, number>;
  readonly writes: Map<string, number>;
  readonly failures: Map<string, number>;
};

export const createCounters = (): OperatorCounters => ({ passes: new Map(), writes: new Map(), failures: new Map() });

export function count(counter: Map<string, number>, label: string, by = 1): void {
  counter.set(label, (counter.get(label) ?? 0) + by);
}

const samplesOf = (counter: ReadonlyMap<string, number>, label: string): Metric['samples'] =>
  [...counter].map(([value, number]) => ({ labels: { [label]: value }, value: number }));

export const operatorMetrics = (counters: OperatorCounters): readonly Metric[] => [
  {
    name: 'hikube_operator_passes_total',
    help: 'Passes over resources, by kind.',
    kind: 'counter',
    samples: samplesOf(counters.passes, 'kind'),
  },
  {
    name: 'hikube_operator_writes_total',
    help: 'Writes to the API server, by what was written.',
    kind: 'counter',
    samples: samplesOf(counters.writes, 'write'),
  },
  {
    name: 'hikube_operator_failures_total',
    help: 'Passes that failed and are tried again, by kind.',
    kind: 'counter',
    samples: samplesOf(counters.failures, 'kind'),
  },
];
