import {
  conditionNames,
  type Explanation,
  type GoalStanding,
  type Plan,
  type PlanDocument,
  type PlannedChange,
} from '../../placement/index.ts';

const barCells = 24;
/** Changes shown one by one. */
const changesShown = 12;
/** Brokers shown one by one; of larger clusters only the furthest from their share. */
const brokersShown = 24;

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let at = 0;
  while (Math.abs(value) >= 1024 && at < units.length - 1) {
    value /= 1024;
    at++;
  }
  return `${at === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[at]}`;
}

export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 90) return `${seconds.toFixed(1)} s`;
  if (seconds < 5400) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** A bar whose full length is twice the share; the middle is marked. */
function bar(percent: number | undefined): string {
  if (percent === undefined) return ' '.repeat(barCells);
  const filled = Math.max(0, Math.min(barCells, Math.round((percent / 200) * barCells)));
  return `${'█'.repeat(filled)}${'·'.repeat(barCells - filled)}`;
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const count = (number: number, noun: string, nouns = `${noun}s`): string => `${number} ${number === 1 ? noun : nouns}`;

/** What changes, one partition a line, the largest copies first. */
function changesText({ batches, diskMoves }: PlanDocument): string {
  const changes = batches.flat();
  const copied = ({ bytes: size, from, to }: PlannedChange): number =>
    size * to.filter((id) => !from.includes(id)).length;
  const rows = changes
    .map((change) => ({ change, size: copied(change) }))
    .sort((one, other) => other.size - one.size)
    .slice(0, changesShown)
    .map(({ change: { topic, partition, from, to }, size }) => {
      return [`${topic}-${partition}`, from.join(','), '→', to.join(','), size > 0 ? bytes(size) : ''];
    });
  const disks = diskMoves
    .slice(0, changesShown - rows.length)
    .map(({ topic, partition, broker, from, to, bytes: size }) => {
      return [`${topic}-${partition}`, `${broker}:${from}`, '→', to, bytes(size)];
    });
  const rest = changes.length + diskMoves.length - rows.length - disks.length;
  return `${table([...rows, ...disks])}${rest > 0 ? `\n... and ${rest} more (--output json has all)` : ''}`;
}

/** The plan for a person: what it does and costs, goals and loads before and after, risk, and what cannot be. */
export function planText(plan: Plan, document: PlanDocument, explanation: Explanation): string {
  const { cost, bounds, schedule } = plan;
  const parts: string[] = [];
  if (cost.partitions === 0 && plan.diskMoves.length === 0) parts.push('Nothing to do: no replica moves.');
  else {
    const ratio = bounds.bytes > 0 ? `, ${(cost.bytes / bounds.bytes).toFixed(2)} x the least possible` : '';
    const throttle = `${bytes(plan.options.batch.throttle)}/s a broker`;
    const diskBytes = plan.diskMoves.reduce((sum, move) => sum + move.bytes, 0);
    const changes = [
      [
        'Changes',
        [
          count(cost.partitions, 'partition'),
          `${count(cost.copies, 'replica')} copied`,
          `${count(cost.leaderChanges, 'preferred leader')} changed`,
        ].join(', '),
      ],
      ['Copies', `${bytes(cost.bytes)} (${bytes(cost.crossZoneBytes)} between zones)${ratio}`],
      [
        'Takes',
        `${duration(schedule.seconds)} at ${throttle} (least ${duration(schedule.leastSeconds)}), in ${count(schedule.first.length - 1, 'batch', 'batches')}`,
      ],
    ];
    parts.push(
      table([
        ...(cost.partitions > 0 ? changes : []),
        ...(plan.diskMoves.length > 0
          ? [
              [
                'Disks',
                `${plan.diskMoves.length} replicas of ${bytes(diskBytes)} change their disk inside their broker`,
              ],
            ]
          : []),
        ['Plan', plan.hash],
      ]),
      `Moves (largest first)\n${indent(changesText(document))}`,
    );
  }
  parts.push(`Goals\n${indent(goalsText(explanation.goals))}`);
  parts.push(`Load of disk by zone (bar: percent of the share, full at 200 %)\n${indent(zonesText(explanation))}`);
  parts.push(`Load by broker\n${indent(brokersText(explanation))}`);
  parts.push(`Risk\n${indent(riskText(explanation))}`);
  if (explanation.problems.length > 0) {
    const list = explanation.problems.map(
      ({ goal, severity, subject, reason, remedy }) =>
        `${severity === 'hard' ? '✗' : '~'} ${goal} ${subject}: ${reason}${remedy === undefined ? '' : `\n    → ${remedy}`}`,
    );
    parts.push(`Cannot be satisfied\n${indent(list.join('\n'))}`);
  }
  return `${parts.join('\n\n')}\n`;
}

const indent = (text: string): string => text.replace(/^/gm, '  ');

function goalsText(goals: readonly GoalStanding[]): string {
  const value = (amount: number, unit: GoalStanding['unit']): string =>
    unit === 'bytes'
      ? bytes(amount)
      : unit === 's'
        ? duration(amount)
        : unit === '% off' || unit === '% chance'
          ? `${amount.toFixed(1)} ${unit}`
          : `${amount} ${unit}`;
  const rows = goals.map(({ goal, name, before, after, unit }) => [
    goal,
    name,
    value(before, unit),
    '→',
    value(after, unit),
  ]);
  return table([['goal', '', 'before', '', 'after'], ...rows]);
}

function zonesText({ brokers }: Explanation): string {
  const zones = new Map<string, { brokers: number; before: number; after: number; share: number }>();
  for (const { zone, before, after } of brokers) {
    const sum = zones.get(zone) ?? { brokers: 0, before: 0, after: 0, share: 0 };
    sum.brokers++;
    sum.before += before[0]!.load;
    sum.after += after[0]!.load;
    const percent = after[0]!.percent;
    if (percent !== undefined && percent > 0) sum.share += (100 * after[0]!.load) / percent;
    zones.set(zone, sum);
  }
  const rows = [...zones]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([zone, sum]) => {
      const percent = (load: number) => (sum.share > 0 ? (100 * load) / sum.share : undefined);
      return [
        zone || '(none)',
        count(sum.brokers, 'broker'),
        bytes(sum.before),
        bar(percent(sum.before)),
        '→',
        bytes(sum.after),
        bar(percent(sum.after)),
      ];
    });
  return table(rows);
}

function brokersText({ brokers }: Explanation): string {
  const off = (percent: number | undefined) => (percent === undefined ? 0 : Math.abs(percent - 100));
  const shown =
    brokers.length <= brokersShown
      ? brokers
      : [...brokers]
          .sort((one, other) => off(other.before[0]!.percent) - off(one.before[0]!.percent) || one.id - other.id)
          .slice(0, brokersShown);
  const percent = (value: number | undefined) => (value === undefined ? '-' : `${value.toFixed(0)} %`);
  const rows = shown.map(({ id, zone, state, before, after }) => [
    String(id),
    zone || '(none)',
    conditionNames[state]!,
    bytes(before[0]!.load),
    bar(before[0]!.percent),
    percent(before[0]!.percent),
    '→',
    bytes(after[0]!.load),
    bar(after[0]!.percent),
    percent(after[0]!.percent),
    `${before[4]!.load} → ${after[4]!.load}`,
    `${before[5]!.load} → ${after[5]!.load}`,
  ]);
  const head = ['broker', 'zone', 'state', 'disk', '', '', '', 'after', '', '', 'replicas', 'leaders'];
  const rest = brokers.length - shown.length;
  return `${table([head, ...rows])}${rest > 0 ? `\n... and ${rest} brokers nearer to their share` : ''}`;
}

function riskText({ risk: { before, after } }: Explanation): string {
  const chance = (value: number): string => `${(100 * value).toPrecision(3)} %`;
  const rows = [
    [
      'two brokers die: some partition under min.insync.replicas',
      chance(before.twoDeathsUnderMinInSync),
      '→',
      chance(after.twoDeathsUnderMinInSync),
    ],
    [
      '1 % of brokers die: some partition lost',
      chance(before.onePercentDeathsLoss),
      '→',
      chance(after.onePercentDeathsLoss),
    ],
    ['sets of brokers that share a partition', String(before.copysets), '→', String(after.copysets)],
    ['peers of one broker (scatter width)', before.scatter.mean.toFixed(1), '→', after.scatter.mean.toFixed(1)],
  ];
  for (const [at, zone] of after.zoneLoss.entries()) {
    rows.push([
      `zone ${zone.zone || '(none)'} lost: partitions under min.insync.replicas`,
      String(before.zoneLoss[at]?.underMinInSync ?? 0),
      '→',
      String(zone.underMinInSync),
    ]);
  }
  return table(rows);
}

/** The plan as JSON: the document, and the explanation beside it. */
export function planJson(document: PlanDocument, { goals, risk, problems }: Explanation): string {
  const all = { ...document, problems, explanation: { goals, risk } };
  return `${JSON.stringify(all, undefined, 2)}\n`;
}
