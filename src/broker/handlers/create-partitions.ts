import { apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { Services } from './services.ts';

/**
 * Gives topics more partitions. Versions 0-3. Handed on to the controller if that is another broker.
 *
 * Source: KafkaApis.handleCreatePartitionsRequest.
 */
export async function createPartitions(
  services: Services,
  request: RequestOf<typeof apis.createPartitions>,
): Promise<ResponseInputOf<typeof apis.createPartitions>> {
  const { topics, validateOnly } = request;
  if (!services.controller.isActive) {
    const answer = await services.controllerLink.call(apis.createPartitions, undefined, request);
    if (answer.ok) return answer.value;
    return {
      results: topics.map(({ name }) => ({
        name,
        errorCode: errorCode.NOT_CONTROLLER,
        errorMessage: answer.problem.sentence,
      })),
    };
  }
  const waitMs = Math.max(0, request.timeoutMs);
  const results = await Promise.all(
    topics.map(async ({ name, count, assignments }) => {
      const replicas = assignments?.map(({ brokerIds }) => brokerIds) ?? null;
      const outcome = await services.topics.enlarge(name, count, replicas, { validateOnly, waitMs });
      return outcome.ok
        ? { name, errorCode: errorCode.NONE }
        : { name, errorCode: outcome.problem.code, errorMessage: outcome.problem.message };
    }),
  );
  return { results };
}
