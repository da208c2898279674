import { failure, type Result, success } from '../base/index.ts';

/**
 * `meta.properties` in the root of a log folder: whose folder it is. Version 0 is written by brokers of clusters with
 * ZooKeeper, version 1 by nodes of KRaft clusters.
 *
 * Source: MetaProperties.java.
 */
export type MetaProperties =
  | {
      readonly version: 0;
      readonly brokerId: number | undefined;
      readonly clusterId: string | undefined;
      readonly directoryId?: string;
    }
  | { readonly version: 1; readonly nodeId: number; readonly clusterId: string; readonly directoryId?: string };

export function formatMetaProperties(properties: MetaProperties): string {
  const lines = ['#', `version=${properties.version}`];
  if (properties.version === 0) {
    if (properties.brokerId !== undefined) lines.push(`broker.id=${properties.brokerId}`);
  } else lines.push(`node.id=${properties.nodeId}`);
  if (properties.clusterId !== undefined) lines.push(`cluster.id=${properties.clusterId}`);
  if (properties.directoryId !== undefined) lines.push(`directory.id=${properties.directoryId}`);
  return `${lines.join('\n')}\n`;
}

export function parseMetaProperties(text: string): Result<MetaProperties, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#!].*)?$/.test(line)) continue;
    const match = /^\s*([\w.]+)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (match === null) return failure(`the line ${JSON.stringify(line)} is not "name=value"`);
    // Java's Properties escape '=', ':', '#' and '!' in values; base64 ids end in '='.
    values.set(match[1] as string, (match[2] as string).replace(/\\(.)/g, '$1'));
  }
  const version = values.get('version');
  const clusterId = values.get('cluster.id');
  const directoryId = values.get('directory.id');
  const directory = directoryId === undefined ? {} : { directoryId };
  if (version === '0') {
    const brokerId = values.get('broker.id');
    if (brokerId !== undefined && !/^-?\d+$/.test(brokerId)) return failure(`broker.id=${brokerId} is not a number`);
    return success({
      version: 0,
      brokerId: brokerId === undefined ? undefined : Number(brokerId),
      clusterId,
      ...directory,
    });
  }
  if (version === '1') {
    const nodeId = values.get('node.id');
    if (nodeId === undefined || !/^\d+$/.test(nodeId)) return failure('node.id is missing or not a number');
    if (clusterId === undefined) return failure('cluster.id is missing');
    return success({ version: 1, nodeId: Number(nodeId), clusterId, ...directory });
  }
  return failure(`version=${version ?? ''} is neither 0 nor 1`);
}

/** `partition.metadata` in a partition's folder. No newline at the end, as Apache writes it. Source: PartitionMetadataFile.java. */
export const formatPartitionMetadata = (topicId: string): string => `version: 0\ntopic_id: ${topicId}`;

/** @returns the topic id in its 22-character text form, or undefined if the file is not one */
export function parsePartitionMetadata(text: string): string | undefined {
  return /^version: 0\s*\ntopic_id: ([\w-]{22})\s*$/.exec(text)?.[1];
}

/** `.kafka_cleanshutdown`: that the broker closed its logs in order, and which broker epoch it had (KIP-966). */
export const formatCleanShutdown = (brokerEpoch: number): string => `{"version":0,"brokerEpoch":${brokerEpoch}}`;
