import type { Metric } from '../../base/index.ts';
import type { Server } from '../server.ts';
import { monitorValues } from './reports.ts';

const counters = new Set([
  'packets_received',
  'packets_sent',
  'connection_rejected',
  'stale_sessions_expired',
  'fsynctime_count',
  'fsynctime_sum',
  'snapshot_count',
  'node_changed_watch_count',
  'read_count',
  'write_count',
  'bytes_received_count',
  'connection_drop_count',
  'write_refused_for_room_count',
  'watch_refused_count',
]);

/**
 * The numbers of `mntr` under the names that Apache's PrometheusMetricsProvider gives them, so that dashboards and
 * alerts keep working. Names are ZooKeeper's, also where Prometheus would have counters end in `_total`.
 */
export function metricsOf(server: Server): Metric[] {
  const numbers: Metric[] = monitorValues(server).flatMap(([name, value]) =>
    typeof value === 'number'
      ? [
          {
            name,
            help: name.replaceAll('_', ' '),
            kind: counters.has(name) ? 'counter' : 'gauge',
            samples: [{ value }],
          },
        ]
      : [],
  );
  return [
    ...numbers,
    {
      name: 'server_state',
      help: 'how this server stands among its peers',
      kind: 'gauge',
      samples: [{ labels: { state: server.orderer.mode }, value: 1 }],
    },
  ];
}
