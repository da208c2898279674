import { paths, ports } from '../names.ts';
import { healthProbes, heapOption, podIndexVariable } from '../pod-parts.ts';
import type { RenderEngine } from './engine.ts';

/**
 * This product's own broker, from the operator's own image. It waits by itself for the files that come with the pod
 * (`@file` of `--override`).
 */
export const embeddedEngine: RenderEngine = ({ spec }, images, memoryLimit) => {
  const overrides = [
    `broker.rack=@${paths.pod}/zone`,
    ...(spec.external ? [`advertised.listeners=@${paths.pod}/advertised-listeners`] : []),
  ];
  return {
    container: {
      image: images.embedded,
      command: ['hikube-kafka'],
      args: [
        'broker',
        `${paths.config}/server-$(POD_INDEX).properties`,
        ...overrides.flatMap((override) => ['--override', override]),
        '--health-port',
        String(ports.health),
      ],
      env: [podIndexVariable, { name: 'NODE_OPTIONS', value: heapOption(memoryLimit) }],
      ...healthProbes,
      volumeMounts: [],
    },
    volumes: [],
    terminationGracePeriodSeconds: 60,
  };
};
