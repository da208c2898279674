/**
 * Why a request did not do what was asked.
 *
 * - `alreadyExists`, `conflict`: 409. A conflict is a stale resourceVersion or UID, or (server-side apply) a field of another manager;
 *   `causes` names the fields.
 * - `gone`: 410, the resourceVersion or continue token is too old; list again.
 * - `invalid`: 422, `causes` names the fields. `badRequest`: any other refusal of what we sent (400, 405, 406, 413, 415).
 * - `tooManyRequests`: 429; for an eviction: a disruption budget does not allow it now.
 * - `unavailable`: no answer or a failure of the server; whether a write happened is not known.
 */
export type KubeProblemKind =
  | 'notFound'
  | 'alreadyExists'
  | 'conflict'
  | 'invalid'
  | 'badRequest'
  | 'unauthorized'
  | 'forbidden'
  | 'gone'
  | 'tooManyRequests'
  | 'unavailable';

export type KubeProblem = {
  readonly kind: KubeProblemKind;
  /** A sentence for a person: what was attempted and what the server said. */
  readonly message: string;
  /** HTTP status; absent when there was no answer. */
  readonly status?: number;
  /** `reason` of the server's Status object. */
  readonly reason?: string;
  readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  /** The server asked to wait so long. */
  readonly retryAfterMs?: number;
};

/** Whether the same request can succeed later without any change by us. */
export const retriable = {
  notFound: false,
  alreadyExists: false,
  conflict: false,
  invalid: false,
  badRequest: false,
  unauthorized: false,
  forbidden: false,
  gone: false,
  tooManyRequests: true,
  unavailable: true,
} as const satisfies Record<KubeProblemKind, boolean>;

type StatusBody = {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: KubeProblem['causes']; readonly retryAfterSeconds?: number };
};

function kindOf(status: number, reason: string | undefined): KubeProblemKind {
  switch (status) {
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'notFound';
    case 409:
      return reason === 'AlreadyExists' ? 'alreadyExists' : 'conflict';
    case 410:
      return 'gone';
    case 422:
      return 'invalid';
    case 429:
      return 'tooManyRequests';
    default:
      return status >= 500 ? 'unavailable' : 'badRequest';
  }
}

/**
 * @param attempt  what was tried, e.g. `get pods default/a`
 * @param body     the answer's body; a Status object as a rule, but proxies in between say what they like
 */
export function problemOfAnswer(attempt: string, status: number, body: string, retryAfter?: string): KubeProblem {
  let parsed: StatusBody = {};
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) parsed = value as StatusBody;
  } catch {
    // Not JSON: the beginning of the text is all there is to show.
  }
  const said = parsed.message ?? (body.slice(0, 300).trim() || `HTTP status ${status}`);
  const seconds = Number(retryAfter ?? parsed.details?.retryAfterSeconds ?? Number.NaN);
  return {
    kind: kindOf(status, parsed.reason),
    message: `${attempt}: ${said}`,
    status,
    ...(parsed.reason === undefined ? {} : { reason: parsed.reason }),
    ...(parsed.details?.causes === undefined ? {} : { causes: parsed.details.causes }),
    ...(Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {}),
  };
}

/** For a request that got no answer. */
export function problemOfError(attempt: string, error: unknown): KubeProblem {
  const text = error instanceof Error ? error.message : String(error);
  return { kind: 'unavailable', message: `${attempt}: ${text}` };
}
