import type { KafkaCluster } from '../../../api/index.ts';
import type { Container, PodSpec } from '../pod-parts.ts';

/** What an engine gives to a broker's pod; everything else is the same for all engines. */
export type EnginePod = {
  readonly container: Pick<
    Container,
    'image' | 'command' | 'args' | 'env' | 'startupProbe' | 'readinessProbe' | 'livenessProbe' | 'volumeMounts'
  >;
  readonly volumes: NonNullable<PodSpec['volumes']>;
  /** How long a broker may take to end in order. */
  readonly terminationGracePeriodSeconds: number;
};

export type EngineImages = { readonly embedded: string; readonly apache: string };

/**
 * @param memoryLimit  of the container, as a quantity
 */
export type RenderEngine = (cluster: KafkaCluster, images: EngineImages, memoryLimit: string) => EnginePod;
