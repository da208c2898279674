import {
  apis,
  errorCode,
  type RequestOf,
  type ResponseInputOf,
  type Uuid,
  zeroUuid,
} from '../../protocol/kafka/index.ts';
import type { Services } from './services.ts';

type Response = ResponseInputOf<typeof apis.deleteTopics>;
type TopicAnswer = Response['responses'][number];

/**
 * Deletes topics. Versions 0-6: 5 error messages, 6 by topic id (KIP-516). Handed on to the controller if that is another broker.
 *
 * Source: KafkaApis.handleDeleteTopicsRequest.
 */
export async function deleteTopics(
  services: Services,
  request: RequestOf<typeof apis.deleteTopics>,
): Promise<Response> {
  // Version 6 has its own list, which in older ones is empty.
  const wanted = [...request.topics, ...request.topicNames.map((name) => ({ name, topicId: zeroUuid }))];
  if (!services.controller.isActive) {
    const answer = await services.controllerLink.call(apis.deleteTopics, undefined, { ...request, topics: wanted });
    if (answer.ok) return answer.value;
    return {
      responses: wanted.map(({ name, topicId }) =>
        refused(name, topicId, errorCode.NOT_CONTROLLER, answer.problem.sentence),
      ),
    };
  }
  const waitMs = Math.max(0, request.timeoutMs);
  const responses = await Promise.all(
    wanted.map(async ({ name, topicId }): Promise<TopicAnswer> => {
      if (name !== null && topicId !== zeroUuid)
        return refused(name, topicId, errorCode.INVALID_REQUEST, 'a topic is named by its name or its id, not by both');
      const { image } = services.metadata;
      const known = name ?? image.namesById.get(topicId);
      if (known === undefined)
        return refused(null, topicId, errorCode.UNKNOWN_TOPIC_ID, 'there is no topic with this id');
      const id = image.topics.get(known)?.topicId ?? zeroUuid;
      const outcome = await services.topics.delete(known, waitMs);
      if (!outcome.ok) return refused(known, id, outcome.problem.code, outcome.problem.message);
      return { name: known, topicId: id, errorCode: errorCode.NONE };
    }),
  );
  return { responses };
}

const refused = (name: string | null, topicId: Uuid, code: number, message: string): TopicAnswer => ({
  name,
  topicId,
  errorCode: code,
  errorMessage: message,
});
