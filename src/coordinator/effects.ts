import type { apis, ResponseInputOf } from '../protocol/kafka/index.ts';

/** One record for `__consumer_offsets` or `__transaction_state`; a null value is a tombstone. */
export type CoordinatorRecord = { readonly key: Buffer; readonly value: Buffer | null };

/** Names a request that waits for its answer; chosen by the shell, returned in `reply` effects. */
export type Ticket = number;

/** Names an append; chosen by the coordinator, given back in `committed` and `notCommitted`. */
export type AppendId = number;

type Answered =
  | 'joinGroup'
  | 'syncGroup'
  | 'heartbeat'
  | 'leaveGroup'
  | 'offsetCommit'
  | 'txnOffsetCommit'
  | 'offsetDelete'
  | 'deleteGroups';

/** An answer, of the api that the ticket's request had. */
export type Reply = {
  [Name in Answered]: { readonly api: Name; readonly body: ResponseInputOf<(typeof apis)[Name]> };
}[Answered];

/** What the shell must do, in list order. */
export type Effect =
  /**
   * Append the records to the coordinator's partition as one batch, in the order in which appends were given out. Call
   * `committed(id)` when every in-sync replica has them, or `notCommitted(id, errorCode)` when that failed.
   */
  | {
      readonly kind: 'append';
      readonly id: AppendId;
      readonly records: readonly CoordinatorRecord[];
      /** The batch belongs to this producer's transaction (TxnOffsetCommit). */
      readonly transaction?: { readonly producerId: number; readonly producerEpoch: number };
    }
  | { readonly kind: 'reply'; readonly ticket: Ticket; readonly reply: Reply };
