import type { DefinitionVersion } from '../kinds/definitions.ts';
import type { Column } from '../kinds/resource.ts';
import { age } from './age.ts';
import { ageColumn, nameColumn } from './builtin-columns.ts';
import { parseJsonPath, valuesAt } from './json-path.ts';

/** The name, then the columns that a definition gives for a version; the age when it gives none. */
export function customColumns(columns: DefinitionVersion['additionalPrinterColumns']): readonly Column[] {
  if (columns === undefined || columns.length === 0) return [nameColumn, ageColumn];
  return [
    nameColumn,
    ...columns.map(({ name, type, format, description, priority, jsonPath }): Column => {
      const path = parseJsonPath(jsonPath);
      return {
        name,
        type,
        ...(format === undefined ? {} : { format }),
        ...(description === undefined ? {} : { description }),
        priority: priority ?? 0,
        cell: (object, nowMs) => (path === undefined ? null : shown(valuesAt(object, path), type, nowMs)),
      };
    }),
  ];
}

function shown(values: readonly unknown[], type: string, nowMs: number): string | number | boolean | null {
  const [value] = values;
  if (value === undefined || value === null) return null;
  if (type === 'date') return age(value, nowMs);
  if (type === 'integer' || type === 'number') return typeof value === 'number' ? value : null;
  if (type === 'boolean') return typeof value === 'boolean' ? value : null;
  // Several values of a path with [*] or a filter are shown as the original shows them: the first alone, else a list.
  if (values.length > 1) return values.map(plain).join(' ');
  return plain(value);
}

const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
