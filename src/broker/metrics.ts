import type { Metric } from '../base/index.ts';
import type { LogFolder } from '../log/index.ts';
import type { MetadataStore } from '../metadata/index.ts';
import type { Controller } from './controller/controller.ts';
import type { Replicas } from './replica/replicas.ts';
import type { RequestCounts } from './request/request-processor.ts';
import type { SocketServer } from './socket/socket-server.ts';

/** What a scrape of `/metrics` sees; read from plain numbers when somebody asks. */
export function brokerMetrics(sources: {
  readonly replicas: Replicas;
  readonly server: SocketServer;
  readonly counts: RequestCounts;
  readonly folders: readonly LogFolder[];
  readonly metadata: MetadataStore;
  readonly controller: Controller | undefined;
}): readonly Metric[] {
  const { replicas, server, counts, folders, metadata, controller } = sources;
  const gauge = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    kind: 'gauge',
    samples: [{ value }],
  });
  let logBytes = 0;
  let segments = 0;
  let offline = 0;
  for (const folder of folders) {
    offline += folder.offline.size;
    for (const log of folder.all()) {
      logBytes += log.sizeBytes;
      segments += log.segmentCount;
      if (log.storageProblem !== undefined) offline++;
    }
  }
  let leaderless = 0;
  for (const { partitions } of metadata.image.topics.values())
    for (const each of partitions) if ((each?.leader ?? -1) < 0) leaderless++;
  return [
    {
      name: 'hikube_kafka_requests_total',
      help: 'Requests answered, by api.',
      kind: 'counter',
      samples: [...counts].map(([api, value]) => ({ labels: { api }, value })),
    },
    gauge('hikube_kafka_connections', 'Open client connections.', server.connectionCount),
    {
      name: 'hikube_kafka_connections_refused_total',
      help: 'Connections turned away by a limit.',
      kind: 'counter',
      samples: [{ value: server.refused }],
    },
    gauge('hikube_kafka_partitions', 'Partitions that this broker holds.', replicas.count),
    gauge('hikube_kafka_partitions_led', 'Partitions that this broker leads.', replicas.leaderCount),
    gauge(
      'hikube_kafka_partitions_offline',
      'Partitions of this broker that cannot be served because of their files.',
      offline,
    ),
    gauge(
      'hikube_kafka_partitions_without_leader',
      'Partitions of the whole cluster that nobody leads, as this broker knows it.',
      leaderless,
    ),
    gauge('hikube_kafka_log_bytes', 'Bytes of all logs.', logBytes),
    gauge('hikube_kafka_log_segments', 'Segments of all logs.', segments),
    gauge(
      'hikube_kafka_active_controller',
      '1 on the broker whose controller is active.',
      controller?.isActive ? 1 : 0,
    ),
    gauge(
      'hikube_kafka_live_brokers',
      'Brokers of the cluster that live, as this broker knows it.',
      metadata.image.brokers.size,
    ),
  ];
}
