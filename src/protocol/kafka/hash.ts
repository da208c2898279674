/** Java's `String.hashCode`: over UTF-16 units, wrapping at 32 bits. */
export function javaHashCode(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  return hash;
}

/** The partition of `__consumer_offsets` or `__transaction_state` that a group or transactional id belongs to. */
export function coordinatorPartition(id: string, partitionCount: number): number {
  return (javaHashCode(id) & 0x7fffffff) % partitionCount;
}

/** The 32-bit murmur2 of Kafka's clients (`org.apache.kafka.common.utils.Utils.murmur2`), as a signed number. */
export function murmur2(data: Uint8Array): number {
  const multiplier = 0x5bd1e995;
  const length = data.length;
  let hash = 0x9747b28c ^ length;
  const whole = length & ~3;
  for (let at = 0; at < whole; at += 4) {
    let word =
      (data[at] as number) |
      ((data[at + 1] as number) << 8) |
      ((data[at + 2] as number) << 16) |
      ((data[at + 3] as number) << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> 24;
    word = Math.imul(word, multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const rest = length - whole;
  if (rest >= 3) hash ^= (data[whole + 2] as number) << 16;
  if (rest >= 2) hash ^= (data[whole + 1] as number) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ (data[whole] as number), multiplier);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}

/** The partition that Java's default partitioner gives a record with this key. */
export function partitionForKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}
