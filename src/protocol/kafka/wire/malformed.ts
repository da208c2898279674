/** What is wrong with bytes from outside. `offset` counts from the start of the buffer that was being read. */
export type Malformed = { readonly kind: 'malformed'; readonly sentence: string; readonly offset: number };

/** Carries a `Malformed` from the depth of a decoder up to its face, which turns it into a value. Never leaves protocol/kafka. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
  readonly offset: number;

  constructor(sentence: string, offset: number) {
    super(sentence);
    this.offset = offset;
  }
}

/** A value that does not fit its wire type: a bug of the caller, never of the peer. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
}
