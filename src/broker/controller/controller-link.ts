import { type Clock, failure, type Logger, type Network, type Result } from '../../base/index.ts';
import { type CallProblem, KafkaConnection } from '../../client/kafka/index.ts';
import type { MetadataStore } from '../../metadata/index.ts';
import type { Api, RequestInputOf, ResponseOf } from '../../protocol/kafka/index.ts';

/** Longer than the time-outs that clients put into their requests; theirs run out first. */
const callTimeoutMs = 120_000;

/**
 * This broker's way to the active controller, for admin requests that came to the wrong broker: they are handed on as
 * they are, so a client may ask any broker.
 */
export class ControllerLink {
  private readonly metadata: MetadataStore;
  private readonly listenerName: string;
  private readonly deps: { readonly network: Network; readonly clock: Clock; readonly logger: Logger };
  private connection:
    | { readonly key: string; readonly opened: Promise<Result<KafkaConnection, CallProblem>> }
    | undefined;

  constructor(metadata: MetadataStore, listenerName: string, deps: ControllerLink['deps']) {
    this.metadata = metadata;
    this.listenerName = listenerName;
    this.deps = deps;
  }

  async call<A extends Api>(
    api: A,
    version: number | undefined,
    body: RequestInputOf<A>,
  ): Promise<Result<ResponseOf<A>, CallProblem>> {
    const { controllerId, brokers } = this.metadata.image;
    const node = brokers.get(controllerId);
    const endpoint = node?.endpoints.get(this.listenerName);
    if (endpoint === undefined)
      return failure({ kind: 'unknownTarget', sentence: 'no controller is known at the moment' });
    const key = `${endpoint.host}:${endpoint.port}`;
    const usable = this.connection;
    let opened = usable?.key === key ? await usable.opened : undefined;
    if (opened === undefined || !opened.ok || !opened.value.isOpen) {
      const { network, clock } = this.deps;
      this.connection = {
        key,
        opened: KafkaConnection.open(network, clock, endpoint, {
          clientId: 'broker-forwarding',
          requestTimeoutMs: callTimeoutMs,
        }),
      };
      opened = await this.connection.opened;
    }
    if (!opened.ok) return opened;
    return opened.value.call(api, body, { timeoutMs: callTimeoutMs, ...(version === undefined ? {} : { version }) });
  }

  async close(): Promise<void> {
    const opened = await this.connection?.opened;
    if (opened?.ok) opened.value.close();
  }
}
