import { isObject } from '../object.ts';

/**
 * The JSONPath of printer columns: fields (`.a.b`, `['a.b']`, `.a\.b`), indexes (`[0]`, `[*]`) and filters
 * (`[?(@.type=="Ready")].status`).
 */
type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly operator: string; readonly value: unknown };

export type JsonPath = readonly Step[];

const fieldStep = /^\.((?:\\.|[^.[\\\]])+)/;
const quotedStep = /^\[(?:'([^']*)'|"([^"]*)")\]/;
const indexStep = /^\[(-?\d+)\]/;
const filterStep = /^\[\?\(\s*@((?:\.[^\s=!<>)]+|\[[^\]]*\])*)\s*(?:(==|!=|<=|>=|<|>)\s*([^)]*?))?\s*\)\]/;

/** @returns undefined when the path is not one of the supported form */
export function parseJsonPath(text: string): JsonPath | undefined {
  const steps: Step[] = [];
  let rest = text.replace(/^\{|\}$/g, '').replace(/^\$/, '');
  while (rest !== '') {
    let match: RegExpExecArray | null;
    if (rest === '.') return steps;
    if (rest.startsWith('[*]') || rest.startsWith('.*')) {
      steps.push({ kind: 'all' });
      rest = rest.slice(rest.startsWith('[') ? 3 : 2);
      continue;
    }
    match = fieldStep.exec(rest);
    if (match !== null) steps.push({ kind: 'field', name: (match[1] as string).replaceAll(/\\(.)/g, '$1') });
    if (match === null) {
      match = quotedStep.exec(rest);
      if (match !== null) steps.push({ kind: 'field', name: match[1] ?? (match[2] as string) });
    }
    if (match === null) {
      match = indexStep.exec(rest);
      if (match !== null) steps.push({ kind: 'index', index: Number(match[1]) });
    }
    if (match === null) {
      match = filterStep.exec(rest);
      const path = match === null ? undefined : parseJsonPath(match[1] as string);
      if (match === null || path === undefined) return undefined;
      steps.push({ kind: 'filter', path, operator: match[2] ?? 'exists', value: literal(match[3]) });
    }
    rest = rest.slice(match[0].length);
  }
  return steps;
}

function literal(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (/^'.*'$/.test(text)) return text.slice(1, -1);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function valuesAt(value: unknown, path: JsonPath): unknown[] {
  let found: unknown[] = [value];
  for (const step of path) {
    found = found.flatMap((at): unknown[] => {
      switch (step.kind) {
        case 'field':
          return isObject(at) && at[step.name] !== undefined ? [at[step.name]] : [];
        case 'index':
          return Array.isArray(at) && at.at(step.index) !== undefined ? [at.at(step.index)] : [];
        case 'all':
          return Array.isArray(at) ? at : isObject(at) ? Object.values(at) : [];
        case 'filter':
          return Array.isArray(at) ? at.filter((item) => passes(item, step)) : [];
        default:
          return [];
      }
    });
  }
  return found;
}

function passes(item: unknown, step: Extract<Step, { kind: 'filter' }>): boolean {
  const [found] = valuesAt(item, step.path);
  if (step.operator === 'exists') return found !== undefined;
  if (step.operator === '==') return found === step.value;
  if (step.operator === '!=') return found !== step.value;
  if (found === undefined) return false;
  const [a, b] = [found as number, step.value as number];
  if (step.operator === '<') return a < b;
  if (step.operator === '>') return a > b;
  return step.operator === '<=' ? a <= b : a >= b;
}
