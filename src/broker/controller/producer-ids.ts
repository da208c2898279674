import { failure, type Result, success } from '../../base/index.ts';
import type { Coordination } from './coordination.ts';
import { parseProducerIdBlock, paths, producerIdBlockData } from './znodes.ts';

const blockSize = 1000;
const attemptsMax = 20;

/**
 * Ids for idempotent producers, unique in the cluster: blocks of a thousand, taken from ZooKeeper by compare-and-set.
 *
 * Source: ZkProducerIdManager.scala.
 */
export class ProducerIds {
  private readonly coordination: Coordination;
  private readonly brokerId: number;
  private next = 0;
  private end = 0;
  private taking: Promise<string | undefined> | undefined;

  constructor(coordination: Coordination, brokerId: number) {
    this.coordination = coordination;
    this.brokerId = brokerId;
  }

  /** @returns an id that nobody has had, or why there is none now */
  async take(): Promise<Result<number, string>> {
    while (this.next >= this.end) {
      this.taking ??= this.takeBlock().finally(() => {
        this.taking = undefined;
      });
      const problem = await this.taking;
      if (problem !== undefined) return failure(problem);
    }
    return success(this.next++);
  }

  private async takeBlock(): Promise<string | undefined> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const read = await this.coordination.retried((client) => client.getData(paths.producerIdBlock));
      if (!read.ok) return read.problem.sentence;
      const last = parseProducerIdBlock(read.value.data);
      if (last === undefined) return `${paths.producerIdBlock} is not readable`;
      const first = last + 1;
      const data = producerIdBlockData({ brokerId: this.brokerId, first, last: first + blockSize - 1 });
      // A block that was taken without our hearing of it is lost, which does no harm: ids need not be dense.
      const written = await this.coordination.client.setData(paths.producerIdBlock, data, read.value.stat.version);
      if (written.ok) {
        this.next = first;
        this.end = first + blockSize;
        return undefined;
      }
      if (written.problem.kind !== 'badVersion' && written.problem.kind !== 'connectionLoss')
        return written.problem.sentence;
    }
    return 'too many brokers ask for producer ids at once';
  }
}
