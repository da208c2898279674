import { api } from '../schema/api.ts';
import { bool, int8, int16, int32, list, string } from '../schema/field.ts';

/** Changes finalized feature levels (KIP-584). */
export const updateFeatures = api({
  key: 57,
  name: 'UpdateFeatures',
  versions: '0-2',
  flexible: '0+',
  request: {
    timeoutMs: int32({ default: 60000 }),
    featureUpdates: list({
      feature: string(),
      maxVersionLevel: int16(),
      allowDowngrade: bool({ versions: '0' }),
      upgradeType: int8({ versions: '1+', default: 1 }),
    }),
    validateOnly: bool({ versions: '1+' }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    results: list(
      { feature: string(), errorCode: int16(), errorMessage: string({ nullable: true }) },
      { versions: '0-1' },
    ),
  },
});
