import { quantityValue } from '../../../api/index.ts';
import { paths, ports } from '../names.ts';
import { podIndexVariable } from '../pod-parts.ts';
import type { RenderEngine } from './engine.ts';

/** Half of the memory, as a broker lives from the page cache, and never more than it can use. */
function heapMebibytes(memoryLimit: string): number {
  const half = Math.floor(quantityValue(memoryLimit) / 2 ** 20 / 2);
  return Math.min(5 * 1024, Math.max(128, half));
}

/**
 * Apache Kafka's own image, 3.9: the last one that keeps metadata in ZooKeeper. A shell waits for the files that come
 * with the pod, as the broker itself knows no such thing. Health is an open port: there is no endpoint to ask.
 */
export const apacheEngine: RenderEngine = ({ spec }, images, memoryLimit) => {
  const files = ['zone', ...(spec.external ? ['advertised-listeners'] : [])].map((name) => `${paths.pod}/${name}`);
  const overrides = [
    `--override broker.rack="$(cat ${paths.pod}/zone)"`,
    ...(spec.external ? [`--override advertised.listeners="$(cat ${paths.pod}/advertised-listeners)"`] : []),
  ];
  const script = [
    `for file in ${files.join(' ')}; do until [ -s "$file" ]; do sleep 0.2; done; done`,
    `exec /opt/kafka/bin/kafka-server-start.sh ${paths.config}/server-$POD_INDEX.properties ${overrides.join(' ')}`,
  ].join('\n');
  const heap = heapMebibytes(memoryLimit);
  const listening = { tcpSocket: { port: ports.clients } };
  return {
    container: {
      image: images.apache,
      command: ['/bin/sh', '-c', script],
      env: [
        podIndexVariable,
        { name: 'KAFKA_HEAP_OPTS', value: `-Xms${heap}m -Xmx${heap}m` },
        { name: 'LOG_DIR', value: '/tmp/kafka-logs' },
      ],
      startupProbe: { ...listening, periodSeconds: 2, failureThreshold: 300 },
      readinessProbe: { ...listening, periodSeconds: 5, failureThreshold: 3 },
      livenessProbe: { ...listening, periodSeconds: 10, failureThreshold: 6 },
      volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
    },
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '256Mi' } }],
    terminationGracePeriodSeconds: 120,
  };
};
