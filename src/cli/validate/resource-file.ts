/** Text of a file in, problems with their lines out: pure. */
import { type Document, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import {
  apiVersion,
  type Findings,
  kafkaClusterFindings,
  kafkaTopicFindings,
  type Parsed,
  parseKafkaCluster,
  parseKafkaTopic,
  parseZooKeeper,
  type RawResource,
  type Refusal,
  refusalText,
  zooKeeperFindings,
} from '../../api/index.ts';

export type FileProblem = {
  readonly severity: 'error' | 'warning';
  /** From 1. */
  readonly line: number;
  /** `KafkaCluster example`; undefined if the document is no resource. */
  readonly resource: string | undefined;
  /** Names the field. */
  readonly message: string;
};

type Check = (raw: RawResource) => { refusals: readonly Refusal[]; warnings: Findings['warnings'] };

const checkWith =
  <Kind>(parse: (raw: RawResource) => Parsed<Kind>, findings: (resource: Kind) => Findings): Check =>
  (raw) => {
    const parsed = parse(raw);
    return parsed.ok ? findings(parsed.value) : { refusals: parsed.problem, warnings: [] };
  };

const checks: Readonly<Record<string, Check>> = {
  KafkaCluster: checkWith(parseKafkaCluster, kafkaClusterFindings),
  KafkaTopic: checkWith(parseKafkaTopic, kafkaTopicFindings),
  ZooKeeper: checkWith(parseZooKeeper, zooKeeperFindings),
};

/** Documents of other groups are not ours to judge, and are not counted. */
export function problemsOfText(text: string): { problems: readonly FileProblem[]; resources: number } {
  const lines = new LineCounter();
  const problems: FileProblem[] = [];
  let resources = 0;
  for (const document of parseAllDocuments(text, { lineCounter: lines })) {
    if (!('contents' in document)) continue;
    const found = problemsOfDocument(document, lines);
    if (found === undefined) continue;
    resources++;
    problems.push(...found);
  }
  problems.push(...twice(text));
  return { problems: problems.toSorted((a, b) => a.line - b.line), resources };
}

function problemsOfDocument(document: Document, lines: LineCounter): FileProblem[] | undefined {
  const [syntax] = document.errors;
  if (syntax !== undefined) {
    const [sentence = ''] = syntax.message.split('\n');
    return [{ severity: 'error', line: lines.linePos(syntax.pos[0]).line, resource: undefined, message: sentence }];
  }
  const at = (path: readonly (string | number)[]): number => lineOf(document, path, lines);
  const value: unknown = document.toJS();
  if (value === null || value === undefined) return undefined;
  const object = value as {
    readonly apiVersion?: unknown;
    readonly kind?: unknown;
    readonly metadata?: { readonly name?: unknown };
  };
  const kind = typeof object.kind === 'string' ? object.kind : undefined;
  const problem = (message: string, path: readonly (string | number)[], resource?: string): FileProblem => ({
    severity: 'error',
    line: at(path),
    resource,
    message,
  });
  if (typeof object !== 'object' || typeof object.apiVersion !== 'string') {
    return [problem('apiVersion: is required', [])];
  }
  const [group] = apiVersion.split('/');
  if (object.apiVersion.split('/')[0] !== group) return undefined;
  if (object.apiVersion !== apiVersion) {
    return [problem(`apiVersion: must be ${apiVersion}, not ${object.apiVersion}`, ['apiVersion'])];
  }
  const check = kind === undefined ? undefined : checks[kind];
  if (check === undefined) {
    return [problem(`kind: must be one of ${Object.keys(checks).join(', ')}, not ${kind ?? 'nothing'}`, ['kind'])];
  }
  const name = object.metadata?.name;
  if (typeof name !== 'string' || name === '') return [problem('metadata.name: is required', ['metadata'], kind)];
  const resource = `${kind} ${name}`;
  const { refusals, warnings } = check(value as RawResource);
  return [
    ...refusals.map((refusal) => problem(refusalText(refusal), pathOf(refusal.field), resource)),
    ...warnings.map(({ field, message }) => ({
      severity: 'warning' as const,
      line: at(pathOf(field)),
      resource,
      message: `${field}: ${message}`,
    })),
  ];
}

/** `spec.config[min.insync.replicas]` is spec, config, min.insync.replicas. */
function pathOf(field: string): (string | number)[] {
  return [...field.matchAll(/\[([^\]]+)\]|([^.[\]]+)/g)].map(([, bracketed, plain]) => {
    if (bracketed === undefined) return plain ?? '';
    return /^\d+$/.test(bracketed) ? Number(bracketed) : bracketed;
  });
}

/** The line of the deepest part of the path that is there. */
function lineOf(document: Document, path: readonly (string | number)[], lines: LineCounter): number {
  let node: unknown = document.contents;
  let offset = (node as { range?: readonly number[] | null } | null)?.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = (pair.key as { range?: readonly number[] | null }).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as { range?: readonly number[] | null } | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return lines.linePos(offset).line;
}

/** One resource that stands in a file twice: the second would silently win. */
function twice(text: string): FileProblem[] {
  const lines = new LineCounter();
  const seen = new Map<string, number>();
  const problems: FileProblem[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: lines })) {
    if (!('contents' in document) || document.errors.length > 0) continue;
    const object = document.toJS() as { kind?: string; metadata?: { name?: string; namespace?: string } } | null;
    const name = object?.metadata?.name;
    if (object?.kind === undefined || name === undefined || checks[object.kind] === undefined) continue;
    const line = lineOf(document, ['metadata', 'name'], lines);
    const key = `${object.kind} ${object.metadata?.namespace ?? ''}/${name}`;
    const before = seen.get(key);
    if (before !== undefined) {
      const message = `metadata.name: stands already in line ${before}; the later one would win`;
      problems.push({ severity: 'error', line, resource: `${object.kind} ${name}`, message });
    } else seen.set(key, line);
  }
  return problems;
}
