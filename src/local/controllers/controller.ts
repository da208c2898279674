import type { Clock, Logger, Random } from '../../base/index.ts';
import type { EventRecorder, KubeClient } from '../../kube/index.ts';
import type { ClusterView } from '../cluster-view.ts';

export type ControllerDeps = {
  readonly client: KubeClient;
  readonly view: ClusterView;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
};

/** A loop from what is observed to what is wanted. It is at work from its creation on, as soon as the view starts. */
export interface Controller {
  readonly name: string;
  stop(): Promise<void>;
}
