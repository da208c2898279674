import { isObject, type JsonObject } from '../object.ts';

const administrator = { username: 'admin', groups: ['system:masters', 'system:authenticated'] };

const answers: Record<string, (sent: JsonObject) => JsonObject> = {
  '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews': (sent) => ({
    ...sent,
    status: { allowed: true, reason: 'the local API server allows its one user everything' },
  }),
  '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews': (sent) => ({
    ...sent,
    status: {
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    },
  }),
  '/apis/authentication.k8s.io/v1/selfsubjectreviews': (sent) => ({ ...sent, status: { userInfo: administrator } }),
};

/** The kinds that are answered and not stored: who may do what, where everyone who gets in is the administrator. */
export function reviewAnswer(path: string): ((body: unknown) => JsonObject) | undefined {
  const answer = answers[path];
  return answer === undefined
    ? undefined
    : (body) => answer({ ...(isObject(body) ? body : {}), metadata: { creationTimestamp: null } });
}
