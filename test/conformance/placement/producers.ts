import { Kafka, logLevel, Partitioners } from 'kafkajs';

/** A topic that is produced to in turn, partition by partition. */
export type Target = { readonly topic: string; readonly partitions: number };

/** Asks again after as long as Apache's own producer does. */
export const kafkaOf = (bootstrap: string): Kafka =>
  new Kafka({
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 10, initialRetryTime: 100 },
  });

/** Fills each partition with batches of 64 KB, as producers in use make them. */
export async function fill(kafka: Kafka, { topic, partitions }: Target, partitionBytes: number): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const value = Buffer.alloc(8000, 'x');
  const batches = Math.ceil(partitionBytes / (8 * value.length));
  const atOnce = 12;
  for (let partition = 0; partition < partitions; partition++) {
    for (let sent = 0; sent < batches; sent += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, batches - sent) }, () =>
        producer.send({ topic, acks: -1, messages: Array.from({ length: 8 }, () => ({ partition, value })) }),
      );
      await Promise.all(some);
    }
  }
  await producer.disconnect();
}
