import { api } from '../schema/api.ts';
import { array, bool, int8, int16, int32, list, string } from '../schema/field.ts';

/** Settings of resources with where they come from (KIP-226) and what they mean (KIP-569). */
export const describeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: '0-4',
  flexible: '4+',
  request: {
    resources: list({
      resourceType: int8(),
      resourceName: string(),
      configurationKeys: array(string(), { nullable: true }),
    }),
    includeSynonyms: bool({ versions: '1+' }),
    includeDocumentation: bool({ versions: '3+' }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: list({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
      configs: list({
        name: string(),
        value: string({ nullable: true }),
        readOnly: bool(),
        isDefault: bool({ versions: '0' }),
        configSource: int8({ versions: '1+', default: -1 }),
        isSensitive: bool(),
        synonyms: list({ name: string(), value: string({ nullable: true }), source: int8() }, { versions: '1+' }),
        configType: int8({ versions: '3+' }),
        documentation: string({ versions: '3+', nullable: true }),
      }),
    }),
  },
});
