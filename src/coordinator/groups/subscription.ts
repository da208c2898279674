import { consumerProtocol } from '../../protocol/kafka/index.ts';
import { type Group, metadataFor } from './group.ts';

const consumerProtocolType = 'consumer';

/** Topics that members of a consumer group read; undefined: nobody can tell (another kind of group, or no protocol yet). */
export function subscribedTopics(group: Group): ReadonlySet<string> | undefined {
  if (group.protocolType !== consumerProtocolType || group.protocolName === null) return undefined;
  const topics = new Set<string>();
  for (const member of group.members.values()) {
    const metadata = metadataFor(member, group.protocolName);
    if (metadata.length < 2) return undefined;
    const version = Math.min(metadata.readInt16BE(0), consumerProtocol.consumerProtocolSubscription.versions.max);
    if (version < 0) return undefined;
    const parsed = consumerProtocol.consumerProtocolSubscription.decode(metadata, version, 2);
    if (!parsed.ok) return undefined;
    for (const topic of parsed.value.topics) topics.add(topic);
  }
  return topics;
}
