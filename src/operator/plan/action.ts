import type { ProgressReason } from '../../api/index.ts';
import type { KubeObject, ObjectKey, ResourceType } from '../../kube/index.ts';
import type { DesiredObject } from '../desired/object.ts';
import type { MemberStep } from './membership.ts';

/** Why something is done, in the words of conditions and events. */
export type Why = { readonly reason: ProgressReason; readonly message: string };

/** Everything that the operator ever writes to Kubernetes and to ensembles, but for statuses, finalizers and events. */
export type Action =
  | ({ readonly kind: 'apply'; readonly desired: DesiredObject; readonly isNew: boolean } & Why)
  /** Not done if there is one of that name: then nothing that follows is done either. */
  | ({ readonly kind: 'create'; readonly desired: DesiredObject } & Why)
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
    } & Why)
  | ({
      readonly kind: 'changeMembers';
      readonly ensemble: { readonly namespace: string; readonly name: string };
      /** Whom to ask: the number of the server that leads. */
      readonly leader: number;
      readonly step: MemberStep;
      /** Of the membership that the step was decided from: another one refuses it. */
      readonly version: number;
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
