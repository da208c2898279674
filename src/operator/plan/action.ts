import type { ProgressReason } from '../../api/index.ts';
import type { KubeObject, ObjectKey, ResourceType } from '../../kube/index.ts';
import type { DesiredObject } from '../desired/object.ts';

/** Why something is done, in the words of conditions and events. */
export type Why = { readonly reason: ProgressReason; readonly message: string };

/** Everything that the operator ever writes to Kubernetes, but for statuses, finalizers and events. */
export type Action =
  | ({ readonly kind: 'apply'; readonly desired: DesiredObject; readonly isNew: boolean } & Why)
  | ({
      readonly kind: 'delete';
      readonly type: ResourceType;
      readonly key: ObjectKey;
      readonly uid: string | undefined;
    } & Why)
  | ({
      readonly kind: 'annotatePod';
      readonly pod: PodReference;
      readonly annotations: Readonly<Record<string, string>>;
    } & Why)
  | ({
      readonly kind: 'restartPod';
      readonly pod: PodReference;
      /** All pods that must be there and ready, the one to be restarted too, unless `isDown`. */
      readonly together: readonly string[];
      /** It does not serve anyway, so nobody has to be waited for. */
      readonly isDown: boolean;
      readonly selector: string;
    } & Why);

export type PodReference = { readonly namespace: string; readonly name: string; readonly uid: string };

/** Actions to do now, and what is waited for if the resource is not yet what it should be. */
export type Plan = {
  readonly actions: readonly Action[];
  readonly waiting: Why | undefined;
  /** Look again after so long even if nothing happens; undefined: only after the usual period. */
  readonly lookAgainMs: number | undefined;
};

export const objectText = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name}`;
