/**
 * Kafka's wire protocol: bytes to messages and back, for a server as for a client, and record batches.
 *
 * - One schema per API in `apis/` with version ranges; `schema/` compiles a decoder and an encoder per version at first
 *   use. `records/` has the messages that live inside records and members' metadata.
 * - `FrameReader` cuts frames out of a socket's chunks; `parseRequestHeader`, `decodeRequest` and `encodeResponse` are a
 *   server's half, `encodeRequest` and `decodeResponse` a client's.
 * - `record-batch/` looks at batches where they lie, changes offset and epoch in place, and builds new ones. On the way
 *   through a broker a batch stays opaque: byte fields are views of the frame they came in, and go out by reference.
 *
 * Not here: sockets, what a request means, compression itself (given as a function).
 *
 * Invariants: decoding looks before it reads or allocates, gives a `Malformed` value for bad bytes and never throws for
 * them. Encoding throws `EncodeError` for a value that does not fit its wire type, which is a bug of the caller.
 */
export { apis } from './apis/index.ts';
export {
  type AnyApi,
  apiByKey,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  parseRequestHeader,
  type RequestHeader,
  requestHeaderVersion,
  responseCorrelationId,
  responseHeaderVersion,
} from './envelope.ts';
export { type ErrorName, errorCode, errorName, isRetriable } from './error-codes.ts';
export { type FrameError, FrameReader } from './frame-reader.ts';
export { coordinatorPartition, javaHashCode, murmur2, partitionForKey } from './hash.ts';
export {
  type BatchHeader,
  type BatchProblem,
  batchAt,
  batchOverheadBytes,
  batchPrefixBytes,
  batchSizeAt,
  type Compression,
  compressions,
  RecordBatch,
  sealBatch,
  wholeBatches,
} from './record-batch/batch.ts';
export { type BatchToWrite, buildBatch, type RecordToWrite } from './record-batch/build.ts';
export {
  buildTransactionMarker,
  type ControlType,
  controlKey,
  controlTypeOf,
  controlTypes,
  coordinatorEpochOf,
} from './record-batch/control.ts';
export {
  type Decompress,
  decompressedLimitBytes,
  type KafkaRecord,
  type RecordHeader,
  recordsOf,
} from './record-batch/records.ts';
export { type ProduceProblem, type ProduceRules, validateProduced } from './record-batch/validate.ts';
export * as consumerProtocol from './records/consumer-protocol.ts';
export * as controlRecords from './records/control-records.ts';
export * as groupRecords from './records/group-records.ts';
export * as metadataRecords from './records/metadata-records.ts';
export * as principalData from './records/principal.ts';
export * as transactionRecords from './records/transaction-records.ts';
export type { Api, RequestInputOf, RequestOf, ResponseInputOf, ResponseOf } from './schema/api.ts';
export type { Decoded, Encodable, Message } from './schema/message.ts';
export type { VersionRange } from './schema/versions.ts';
export { EncodeError, type Malformed } from './wire/malformed.ts';
export { Reader } from './wire/reader.ts';
export { metadataTopicId, parseUuid, randomUuid, type Uuid, zeroUuid } from './wire/uuid.ts';
export { Writer } from './wire/writer.ts';
