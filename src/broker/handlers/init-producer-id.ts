import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { Services } from './services.ts';

/**
 * Gives an id to an idempotent producer. Versions 0-5: 3 a producer that comes back with its id and epoch (KIP-360), which
 * without transactions simply gets a new id. Transactional ids are refused: there is no transaction coordinator yet.
 *
 * Source: KafkaApis.handleInitProducerIdRequest, TransactionCoordinator.handleInitProducerId.
 */
export async function initProducerId(
  services: Services,
  request: RequestOf<typeof apis.initProducerId>,
): Promise<ResponseInputOf<typeof apis.initProducerId>> {
  const refused = (code: number): ResponseInputOf<typeof apis.initProducerId> => ({
    errorCode: code,
    producerId: -1,
    producerEpoch: -1,
  });
  if (request.transactionalId !== null) return refused(errorCode.INVALID_REQUEST);
  const taken = await services.producerIds.take();
  if (!taken.ok) {
    services.logger.warn({ problem: taken.problem }, 'could not take a block of producer ids');
    return refused(errorCode.COORDINATOR_NOT_AVAILABLE);
  }
  return { errorCode: errorCode.NONE, producerId: taken.value, producerEpoch: 0 };
}
