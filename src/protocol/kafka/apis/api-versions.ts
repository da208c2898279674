import { api } from '../schema/api.ts';
import { bool, int16, int32, int64, list, string } from '../schema/field.ts';

/** What the other side speaks. Its response has header version 0 always, so that anybody can read it (KIP-35, KIP-511, KIP-584). */
export const apiVersions = api({
  key: 18,
  name: 'ApiVersions',
  versions: '0-4',
  flexible: '3+',
  request: { clientSoftwareName: string({ versions: '3+' }), clientSoftwareVersion: string({ versions: '3+' }) },
  response: {
    errorCode: int16(),
    apiKeys: list({ apiKey: int16(), minVersion: int16(), maxVersion: int16() }),
    throttleTimeMs: int32({ versions: '1+' }),
    supportedFeatures: list({ name: string(), minVersion: int16(), maxVersion: int16() }, { versions: '3+', tag: 0 }),
    finalizedFeaturesEpoch: int64({ versions: '3+', tag: 1, default: -1 }),
    finalizedFeatures: list(
      { name: string(), maxVersionLevel: int16(), minVersionLevel: int16() },
      { versions: '3+', tag: 2 },
    ),
    zkMigrationReady: bool({ versions: '3+', tag: 3 }),
  },
});
