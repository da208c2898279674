import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import { alterTopic } from './incremental-alter-configs.ts';
import type { Services } from './services.ts';

/**
 * Replaces all settings of topics: what is not named goes back to its default. Versions 0-2; for old clients.
 *
 * Source: ZkAdminManager.alterConfigs, KIP-133.
 */
export async function alterConfigs(
  services: Services,
  request: RequestOf<typeof apis.alterConfigs>,
): Promise<ResponseInputOf<typeof apis.alterConfigs>> {
  const responses = await Promise.all(
    request.resources.map((resource) => {
      const next: Record<string, string> = {};
      for (const { name, value } of resource.configs) {
        if (value === null) {
          const { resourceType, resourceName } = resource;
          return {
            errorCode: errorCode.INVALID_REQUEST,
            errorMessage: `${name} has no value`,
            resourceType,
            resourceName,
          };
        }
        next[name] = value;
      }
      return alterTopic(services, resource, request.validateOnly, () => next);
    }),
  );
  return { responses };
}
