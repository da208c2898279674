import type { JsonObject } from './object.ts';

/** Why a request was refused, in Kubernetes' own words, with the HTTP code of each. */
const codes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  NotImplemented: 501,
  Timeout: 504,
} as const;

export type Reason = keyof typeof codes;

export type Cause = { readonly reason?: string; readonly message: string; readonly field?: string };

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
};

/** The resource that a message is about. */
export type Subject = { readonly group: string; readonly plural: string; readonly kind: string };

/**
 * A request that is refused. Handlers throw it, and only `http/serve.ts` catches it and answers with `status`:
 * between the two, nobody acts on a refusal.
 */
export class Refusal extends Error {
  readonly code: number;
  readonly status: JsonObject;

  constructor(reason: Reason | '', message: string, details?: StatusDetails, code?: number) {
    super(message);
    this.code = code ?? (reason === '' ? 500 : codes[reason]);
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      ...(reason === '' ? {} : { reason }),
      ...(details === undefined ? {} : { details: details as JsonObject }),
      code: this.code,
    };
  }
}

const qualified = (subject: Subject): string =>
  subject.group === '' ? subject.plural : `${subject.plural}.${subject.group}`;

const about = (subject: Subject, name: string): StatusDetails => ({
  name,
  ...(subject.group === '' ? {} : { group: subject.group }),
  kind: subject.plural,
});

export const notFound = (subject: Subject, name: string): Refusal =>
  new Refusal('NotFound', `${qualified(subject)} "${name}" not found`, about(subject, name));

export const alreadyExists = (subject: Subject, name: string): Refusal =>
  new Refusal('AlreadyExists', `${qualified(subject)} "${name}" already exists`, about(subject, name));

export const conflict = (subject: Subject, name: string, why: string): Refusal =>
  new Refusal(
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(subject)} "${name}": ${why}`,
    about(subject, name),
  );

export const modified = (subject: Subject, name: string): Refusal =>
  conflict(
    subject,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );

export const forbidden = (subject: Subject, name: string, why: string, details: StatusDetails = {}): Refusal =>
  new Refusal('Forbidden', `${qualified(subject)} "${name}" is forbidden: ${why}`, {
    ...about(subject, name),
    ...details,
  });

export const badRequest = (message: string): Refusal => new Refusal('BadRequest', message);

/** The answer to a path that names no resource. */
export const noSuchResource = (): Refusal =>
  new Refusal('NotFound', 'the server could not find the requested resource', {});

export const methodNotAllowed = (): Refusal =>
  new Refusal('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export const expired = (message: string): Refusal => new Refusal('Expired', message);

/** One thing wrong with one field; `message` is complete without the field's path. */
export type FieldError = {
  readonly type:
    | 'Invalid'
    | 'Required'
    | 'NotSupported'
    | 'Forbidden'
    | 'Duplicate'
    | 'TooLong'
    | 'TooMany'
    | 'TypeInvalid';
  readonly field: string;
  readonly message: string;
};

const reasonOf: Record<FieldError['type'], string> = {
  Invalid: 'FieldValueInvalid',
  Required: 'FieldValueRequired',
  NotSupported: 'FieldValueNotSupported',
  Forbidden: 'FieldValueForbidden',
  Duplicate: 'FieldValueDuplicate',
  TooLong: 'FieldValueTooLong',
  TooMany: 'FieldValueTooMany',
  TypeInvalid: 'FieldValueTypeInvalid',
};

/** A value as Go's messages show it: strings quoted, objects as JSON. */
export const shown = (value: unknown): string => JSON.stringify(value) ?? 'null';

export const fieldError = {
  invalid: (field: string, value: unknown, why: string): FieldError => ({
    type: 'Invalid',
    field,
    message: `Invalid value: ${shown(value)}: ${why}`,
  }),
  typeInvalid: (field: string, value: unknown, why: string): FieldError => ({
    type: 'TypeInvalid',
    field,
    message: `Invalid value: ${shown(value)}: ${why}`,
  }),
  required: (field: string, why = ''): FieldError => ({
    type: 'Required',
    field,
    message: `Required value${why === '' ? '' : `: ${why}`}`,
  }),
  notSupported: (field: string, value: unknown, supported: readonly unknown[]): FieldError => ({
    type: 'NotSupported',
    field,
    message: `Unsupported value: ${shown(value)}: supported values: ${supported.map(shown).join(', ')}`,
  }),
  forbidden: (field: string, why: string): FieldError => ({ type: 'Forbidden', field, message: `Forbidden: ${why}` }),
  duplicate: (field: string, value: unknown): FieldError => ({
    type: 'Duplicate',
    field,
    message: `Duplicate value: ${shown(value)}`,
  }),
  tooLong: (field: string, limit: number): FieldError => ({
    type: 'TooLong',
    field,
    message: `Too long: may not be more than ${limit} bytes`,
  }),
  tooMany: (field: string, count: number, limit: number): FieldError => ({
    type: 'TooMany',
    field,
    message: `Too many: ${count}: must have at most ${limit} items`,
  }),
};

/** 422 with one cause a field; the message joins them as the original does. */
export function invalid(subject: Subject, name: string, errors: readonly FieldError[]): Refusal {
  const texts = errors.map((error) => `${error.field}: ${error.message}`);
  const joined = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const kind = subject.group === '' ? subject.kind : `${subject.kind}.${subject.group}`;
  return new Refusal('Invalid', `${kind} "${name}" is invalid: ${joined}`, {
    name,
    ...(subject.group === '' ? {} : { group: subject.group }),
    kind: subject.kind,
    causes: errors.map((error) => ({
      reason: reasonOf[error.type],
      message: error.message,
      field: error.field,
    })),
  });
}
