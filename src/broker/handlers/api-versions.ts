import { type apis, errorCode, type RequestOf, type ResponseInputOf } from '../../protocol/kafka/index.ts';
import type { RequestContext, ServedApi } from '../request/api-table.ts';
import { advertised } from '../request/request-processor.ts';

/**
 * What this broker serves, in the versions in which it really does. Versions 0-4: 3 carries the client's software (KIP-511),
 * features are tagged. A version that we do not know is answered before this handler, in version 0 with error 35.
 */
export function apiVersions(
  table: ReadonlyMap<number, ServedApi>,
  request: RequestOf<typeof apis.apiVersions>,
  context: RequestContext,
): ResponseInputOf<typeof apis.apiVersions> {
  if (context.apiVersion >= 3) {
    const valid = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;
    const { clientSoftwareName: name, clientSoftwareVersion: version } = request;
    if (!valid.test(name) || !valid.test(version)) return { errorCode: errorCode.INVALID_REQUEST, apiKeys: [] };
    context.connection.clientSoftware = `${name} ${version}`;
  }
  return { errorCode: errorCode.NONE, apiKeys: advertised(table) };
}
