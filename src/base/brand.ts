declare const brand: unique symbol;

/** A number or string that must not be mixed with others of the same primitive type. The brand exists only in types. */
export type Brand<Value, Name extends string> = Value & { readonly [brand]: Name };

/** Position of a record in a partition's log; a whole number below 2^53. */
export type Offset = Brand<number, 'Offset'>;
/** A leader epoch: grows by every election of the same partition or quorum. */
export type Epoch = Brand<number, 'Epoch'>;
/** `broker.id` or `node.id`: a whole number from 0. */
export type BrokerId = Brand<number, 'BrokerId'>;

export const offset = (value: number): Offset => value as Offset;
export const epoch = (value: number): Epoch => value as Epoch;
export const brokerId = (value: number): BrokerId => value as BrokerId;
