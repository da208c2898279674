import { KafkaAdmin, KafkaClient } from '../../../src/client/kafka/index.ts';
import { createLogger, nodeNetwork, systemClock, systemRandom } from '../../../src/platform/index.ts';

/** An operator's calls to a cluster. @param bootstrap  `host:port`s with commas */
export function openAdmin(bootstrap: string): { readonly admin: KafkaAdmin; readonly close: () => Promise<void> } {
  const addresses = bootstrap.split(',').map((address) => {
    const [host = '', port] = address.split(':');
    return { host, port: Number(port) };
  });
  const logger = createLogger('live', { level: 'warn', out: 2 });
  const platform = { network: nodeNetwork(), clock: systemClock, random: systemRandom(), logger };
  const client = new KafkaClient(platform, { bootstrap: addresses, clientId: 'live' });
  return { admin: new KafkaAdmin(client, { deadlineMs: 2000 }), close: () => client.close() };
}
