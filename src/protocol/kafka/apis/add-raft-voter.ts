import { api } from '../schema/api.ts';
import { int16, int32, list, string, uint16, uuid } from '../schema/field.ts';

/** Adds a voter to the metadata quorum (KIP-853). */
export const addRaftVoter = api({
  key: 80,
  name: 'AddRaftVoter',
  versions: '0',
  flexible: '0+',
  request: {
    clusterId: string({ nullable: true }),
    timeoutMs: int32(),
    voterId: int32(),
    voterDirectoryId: uuid(),
    listeners: list({ name: string(), host: string(), port: uint16() }),
  },
  response: { throttleTimeMs: int32({ default: 0 }), errorCode: int16(), errorMessage: string({ nullable: true }) },
});
