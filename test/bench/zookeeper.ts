import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { type Facts, failovers, fanOut, manyNodes, sessionsMemory, startAndRest } from './zookeeper/facts.ts';
import { neighbours } from './zookeeper/neighbours.ts';
import { commit, type Kind, median, type Servers, start } from './zookeeper/servers.ts';
import { countOf, mannerText, measure, operations, type Run } from './zookeeper/throughput.ts';

export const summary =
  'ZooKeeper server against Apache ZooKeeper 3.9: throughput, latency, start, memory, failover, stops';

/** One figure of both. `ratio` above 1: ours is better. */
type Row = {
  readonly name: string;
  readonly ours: number;
  readonly apache: number | undefined;
  readonly ratio: number | undefined;
  /** Further figures of the same runs. */
  readonly detail?: Readonly<Record<string, number>>;
  readonly load: number;
};

/** As the file keeps it: a row may be measured again alone. */
type SavedRow = Row & { readonly commit: string; readonly recordedAt: string; readonly runs: number };

const resultFile = join(import.meta.dirname, '../campaigns/zookeeper-bench.json');

type Options = {
  readonly rows: RegExp;
  readonly runs: number;
  readonly scale: number;
  readonly nodes: number;
  readonly sessions: number;
  readonly kills: number;
  readonly watchers: number;
  readonly halfOpen: number;
  readonly save: boolean;
};

const help = `options:
  --rows TEXT       only rows whose name contains TEXT (a regular expression), such as "3 servers.*set" or "failover"
  --runs N          measured runs of each kind and row, interleaved; the median counts (5)
  --nodes N         for the rows with many nodes (1,000,000)
  --sessions N      for the row with many sessions (10,000)
  --kills N         leaders killed, of each kind (20)
  --watchers N      clients of the fan-out (1,000)
  --half-open N     connections that never say anything (10,000)
  --quick           a short look: fewer of everything, nothing is saved
Without --quick each row is saved in test/campaigns/zookeeper-bench.json, in the place of the one before.
`;

function parse(args: readonly string[]): Options {
  const text = (name: string): string | undefined => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? undefined : args[at + 1];
  };
  const quick = args.includes('--quick');
  const number = (name: string, otherwise: number, little: number): number =>
    Number(text(name) ?? (quick ? little : otherwise));
  return {
    rows: new RegExp(text('rows') ?? ''),
    runs: number('runs', 5, 1),
    scale: quick ? 0.25 : 1,
    nodes: number('nodes', 1_000_000, 50_000),
    sessions: number('sessions', 10_000, 1_000),
    kills: number('kills', 20, 3),
    watchers: number('watchers', 1_000, 200),
    halfOpen: number('half-open', 10_000, 1_000),
    save: !quick,
  };
}

const loadNow = (): number => Number(loadavg()[0]!.toFixed(1));

export async function run(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(help);
    return;
  }
  const options = parse(args);
  const rows: Row[] = [];
  const note = (row: Row): void => {
    rows.push(row);
    const ratio = row.ratio === undefined ? '' : row.ratio.toFixed(2);
    const detail = Object.entries(row.detail ?? {}).map(([name, value]) => `${name} ${figure(value)}`);
    const cells = [
      row.name.padEnd(52),
      figure(row.ours).padStart(9),
      figure(row.apache).padStart(9),
      ratio.padStart(6),
    ];
    process.stdout.write(`${cells.join(' ')}  ${detail.join(', ')}\n`);
  };
  process.stdout.write(`${''.padEnd(52)} ${'ours'.padStart(9)} ${'Apache'.padStart(9)} ${'ratio'.padStart(6)}\n`);
  for (const count of [1, 3]) await throughput(count, options, note);
  await startRows(options, note);
  await factRow(options, note, `${options.sessions} sessions`, (kind) => sessionsMemory(kind, options.sessions));
  await factRow(options, note, `${options.nodes} nodes`, (kind) => manyNodes(kind, options.nodes));
  // Each is of many kills already.
  await factRow({ ...options, runs: 1 }, note, '3 servers, leader killed', (kind) => failovers(kind, 3, options.kills));
  await factRow(options, note, 'bad neighbours', (kind) => neighbours(kind, options.halfOpen));
  process.stdout.write(`load of the last minute ${loadNow()}\n`);
  if (options.save) save(rows, options.runs);
}

function save(rows: readonly Row[], runs: number): void {
  const before = existsSync(resultFile)
    ? (JSON.parse(readFileSync(resultFile, 'utf8')) as { rows: SavedRow[] }).rows
    : [];
  const byName = new Map(before.map((row) => [row.name, row]));
  const about = { commit: commit(), recordedAt: new Date().toISOString(), runs };
  for (const row of rows) byName.set(row.name, { ...row, ...about });
  const result = {
    campaign: 'bench zookeeper',
    machine: { node: process.version, cores: availableParallelism() },
    note: 'ours: the bundled program; Apache ZooKeeper 3.9.5, -Xmx1000m, log level WARN; forceSync on, same device; medians of interleaved runs; ratio above 1: ours is better; load: of the last minute, above the cores the machine was busy with other work',
    rows: [...byName.values()],
  };
  mkdirSync(dirname(resultFile), { recursive: true });
  writeFileSync(resultFile, `${JSON.stringify(result, undefined, 2)}\n`);
}

type Note = (row: Row) => void;

async function throughput(count: number, { rows, runs, scale, watchers }: Options, note: Note): Promise<void> {
  const place = count === 1 ? 'standalone' : `${count} servers`;
  const cases = (['one at a time', 'pipelined'] as const).flatMap((manner) =>
    operations.map((operation) => ({ manner, operation, name: `${place}: ${operation}, ${mannerText[manner]}` })),
  );
  const wanted = cases.filter(({ name }) => rows.test(name));
  const fanOutName = `${place}: event at ${watchers} watchers, ms`;
  if (wanted.length === 0 && !rows.test(fanOutName)) return;
  const both = [await start('ours', count), await start('apache', count)] as const;
  try {
    for (const { manner, operation, name } of wanted) {
      const total = Math.round(countOf(operation, manner) * scale);
      for (const servers of both) await measure(servers, operation, manner, total * 2);
      const found: Record<string, Run[]> = { ours: [], apache: [] };
      for (const servers of order(both, runs)) {
        found[servers.kind]!.push(await measure(servers, operation, manner, total));
      }
      const of = (kind: string, pick: (run: Run) => number): number => median(found[kind]!.map(pick));
      const ours = of('ours', ({ perSecond }) => perSecond);
      const apache = of('apache', ({ perSecond }) => perSecond);
      const detail = {
        'p50 ms': of('ours', ({ p50 }) => p50),
        'p99 ms': of('ours', ({ p99 }) => p99),
        'CPU us': of('ours', ({ cpu }) => cpu),
        'Apache p50': of('apache', ({ p50 }) => p50),
        'Apache p99': of('apache', ({ p99 }) => p99),
        'Apache CPU us': of('apache', ({ cpu }) => cpu),
      };
      note({ name, ours, apache, ratio: ours / apache, detail, load: loadNow() });
    }
    if (!rows.test(fanOutName)) return;
    for (const servers of both) await fanOut(servers, watchers);
    const tookMs: Record<string, number[]> = { ours: [], apache: [] };
    for (const servers of order(both, runs)) tookMs[servers.kind]!.push(await fanOut(servers, watchers));
    const [ours, apache] = [median(tookMs.ours!), median(tookMs.apache!)];
    note({ name: fanOutName, ours, apache, ratio: apache / ours, load: loadNow() });
  } finally {
    for (const servers of both) await servers.stop();
  }
}

/** A B, B A, A B, ... */
function order(both: readonly [Servers, Servers], runs: number): Servers[] {
  const [ours, apache] = both;
  return Array.from({ length: runs }, (_, run) => (run % 2 === 0 ? [ours, apache] : [apache, ours])).flat();
}

async function startRows({ rows, runs }: Options, note: Note): Promise<void> {
  if (!rows.test('start and rest')) return;
  const found: Record<Kind, Facts[]> = { ours: [], source: [], apache: [] };
  for (let run = 0; run < runs; run++) {
    for (const kind of ['ours', 'apache', 'source'] as const) found[kind].push(await startAndRest(kind, 1));
  }
  for (const kind of ['ours', 'source'] as const) {
    for (const name of Object.keys(found[kind][0]!)) {
      const of = (which: Kind): number => median(found[which].map((facts) => facts[name]!));
      const label = `start and rest: ${name}${kind === 'source' ? ' (from source)' : ''}`;
      note({ name: label, ours: of(kind), apache: of('apache'), ratio: of('apache') / of(kind), load: loadNow() });
    }
  }
}

/** Rows of facts that both kinds are asked for in turn, each time on servers of their own. */
async function factRow(
  { rows, runs }: Pick<Options, 'rows' | 'runs'>,
  note: Note,
  place: string,
  ask: (kind: Kind) => Promise<Facts>,
): Promise<void> {
  if (!rows.test(place)) return;
  const found: Record<'ours' | 'apache', Facts[]> = { ours: [], apache: [] };
  for (let run = 0; run < runs; run++) {
    for (const kind of run % 2 === 0 ? (['ours', 'apache'] as const) : (['apache', 'ours'] as const)) {
      found[kind].push(await ask(kind));
    }
  }
  const of = (kind: 'ours' | 'apache', name: string): number | undefined =>
    found[kind][0]?.[name] === undefined ? undefined : median(found[kind].map((facts) => facts[name]!));
  for (const name of Object.keys(found.ours[0]!)) {
    const value = of('ours', name)!;
    const other = of('apache', name);
    const ratio =
      other === undefined || noContest.test(name) ? undefined : rate.test(name) ? value / other : other / value;
    note({ name: `${place}: ${name}`, ours: value, apache: other, ratio, load: loadNow() });
  }
}

/** Figures that tell of the machine or of the run. */
const noContest = /idle process|snapshots taken/;
/** Of these more is better. */
const rate = /(opened|created|writes) a second/;

const figure = (value: number | undefined): string =>
  value === undefined ? '-' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
