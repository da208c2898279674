import { type FieldError, fieldError } from '../status.ts';

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const patterns = {
  subdomain: {
    test: new RegExp(`^${label}(\\.${label})*$`),
    limit: 253,
    why: `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${label}(\\.${label})*')`,
  },
  label: {
    test: new RegExp(`^${label}$`),
    limit: 63,
    why: `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${label}')`,
  },
  label1035: {
    test: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
    limit: 63,
    why: `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
  },
} as const;

export type NameRule = keyof typeof patterns | 'pathSegment';

export function nameErrors(path: string, name: string, rule: NameRule): FieldError[] {
  if (rule === 'pathSegment') {
    const bad = name === '.' || name === '..' || /[/%]/.test(name);
    return bad ? [fieldError.invalid(path, name, "may not be '.', '..', or contain '/' or '%'")] : [];
  }
  const { test, limit, why } = patterns[rule];
  const errors: FieldError[] = [];
  if (name.length > limit) errors.push(fieldError.invalid(path, name, `must be no more than ${limit} characters`));
  // A hostile name is not given to a backtracking expression.
  if (name.length <= 4 * limit && !test.test(name)) errors.push(fieldError.invalid(path, name, why));
  return errors;
}

const namePart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const namePartWhy =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const valueWhy =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

export function qualifiedNameErrors(path: string, key: string): FieldError[] {
  const [first = '', second, ...more] = key.split('/');
  const name = second ?? first;
  if (more.length > 0) {
    return [
      fieldError.invalid(
        path,
        key,
        `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
      ),
    ];
  }
  const errors: FieldError[] = [];
  if (second !== undefined) {
    if (first === '') errors.push(fieldError.invalid(path, key, 'prefix part must be non-empty'));
    else
      errors.push(
        ...nameErrors(path, first, 'subdomain').map((error) => ({
          ...error,
          message: error.message.replace(': ', ': prefix part '),
        })),
      );
  }
  if (name === '') errors.push(fieldError.invalid(path, key, 'name part must be non-empty'));
  else if (name.length > 63) errors.push(fieldError.invalid(path, key, 'name part must be no more than 63 characters'));
  else if (!namePart.test(name)) errors.push(fieldError.invalid(path, key, namePartWhy));
  return errors;
}

export function labelValueErrors(path: string, value: string): FieldError[] {
  if (value === '') return [];
  if (value.length > 63) return [fieldError.invalid(path, value, 'must be no more than 63 characters')];
  return namePart.test(value) ? [] : [fieldError.invalid(path, value, valueWhy)];
}
