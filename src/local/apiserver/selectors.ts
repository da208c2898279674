import type { Resource } from './kinds/resource.ts';
import { fieldAt, isObject, type JsonObject, type KubeObject } from './object.ts';
import { badRequest } from './status.ts';

export type Matcher = (object: KubeObject) => boolean;

const everything: Matcher = () => true;
/** A selector with more requirements than this is refused. */
const requirementsLimit = 100;

/** Splits at commas that are not inside the parentheses of a set. */
function requirements(text: string): string[] {
  const found = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  if (found.length > requirementsLimit)
    throw badRequest(`a selector may have at most ${requirementsLimit} requirements`);
  return found;
}

const key = '[A-Za-z0-9][-A-Za-z0-9_./]*';
const setForm = new RegExp(`^(${key})\\s+(in|notin)\\s+\\(([^)]*)\\)$`);
const equalForm = new RegExp(`^(${key})\\s*(==|=|!=)\\s*([-A-Za-z0-9_.]*)$`);
const presentForm = new RegExp(`^(!?)\\s*(${key})$`);
const numberForm = new RegExp(`^(${key})\\s*(<|>)\\s*(-?\\d+)$`);

/** `a=b,c!=d,e in (f,g),!h` */
export function labelMatcher(text: string | null): Matcher {
  if (text === null || text.trim() === '') return everything;
  const tests = requirements(text).map((part): ((labels: Record<string, string>) => boolean) => {
    let match = setForm.exec(part);
    if (match !== null) {
      const [, name = '', operator, list = ''] = match;
      const values = new Set(list.split(',').map((value) => value.trim()));
      if (operator === 'in') return (labels) => labels[name] !== undefined && values.has(labels[name]);
      return (labels) => labels[name] === undefined || !values.has(labels[name]);
    }
    match = equalForm.exec(part);
    if (match !== null) {
      const [, name = '', operator, value] = match;
      return operator === '!=' ? (labels) => labels[name] !== value : (labels) => labels[name] === value;
    }
    match = presentForm.exec(part);
    if (match !== null) {
      const [, not, name = ''] = match;
      return not === '!' ? (labels) => labels[name] === undefined : (labels) => labels[name] !== undefined;
    }
    match = numberForm.exec(part);
    if (match !== null) {
      const [, name = '', operator, limit] = match;
      return (labels) => {
        const value = Number(labels[name] ?? Number.NaN);
        return operator === '<' ? value < Number(limit) : value > Number(limit);
      };
    }
    throw badRequest(
      `unable to parse requirement: "${part}" is not of the form key=value, key in (values), key or !key`,
    );
  });
  return (object) => {
    const labels = object.metadata.labels ?? {};
    return tests.every((test) => test(labels));
  };
}

const operatorForm = /^([^=!]+?)\s*(==|=|!=)\s*(.*)$/;

/** `metadata.name=a,status.phase!=Running`; only fields that the kind offers. */
export function fieldMatcher(text: string | null, resource: Resource): Matcher {
  if (text === null || text.trim() === '') return everything;
  const known = new Map<string, readonly string[]>([
    ['metadata.name', ['metadata', 'name']],
    ['metadata.namespace', ['metadata', 'namespace']],
    ...resource.selectable.map((path) => [path.join('.'), path] as const),
  ]);
  if (resource.bucket === 'events') known.set('source', ['source', 'component']);
  const tests = requirements(text).map((part): Matcher => {
    const match = operatorForm.exec(part);
    if (match === null) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
    const [, name = '', operator, value] = match;
    const path = known.get(name);
    if (path === undefined) throw badRequest(`field label not supported: ${name}`);
    const found = (object: KubeObject): string => String(fieldAt(object, path) ?? '');
    return operator === '!=' ? (object) => found(object) !== value : (object) => found(object) === value;
  });
  return (object) => tests.every((test) => test(object));
}

/** Whether a LabelSelector (matchLabels and matchExpressions) chooses these labels. An empty one chooses all. */
export function labelsMatch(selector: JsonObject, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries((selector.matchLabels ?? {}) as JsonObject);
  if (wanted.some(([name, value]) => labels[name] !== value)) return false;
  const expressions = Array.isArray(selector.matchExpressions) ? selector.matchExpressions.filter(isObject) : [];
  return expressions.every(({ key: name, operator, values }) => {
    const value = labels[String(name)];
    const set = Array.isArray(values) ? values : [];
    if (operator === 'In') return value !== undefined && set.includes(value);
    if (operator === 'NotIn') return value === undefined || !set.includes(value);
    return operator === 'Exists' ? value !== undefined : value === undefined;
  });
}
