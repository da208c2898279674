/**
 * A constant sentence and keys: `logger.info({ topic, partition }, 'became leader')`. pino has this shape.
 * Keys hold plain values; an error goes under `err`.
 */
export interface Logger {
  debug(keys: object, sentence: string): void;
  info(keys: object, sentence: string): void;
  warn(keys: object, sentence: string): void;
  error(keys: object, sentence: string): void;
  child(keys: object): Logger;
}
