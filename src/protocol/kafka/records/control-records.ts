import { int16, int32, int64, list, string, struct, uint16, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Control record: the feature level of the quorum itself. */
export const kRaftVersionRecord = message({
  name: 'KRaftVersionRecord',
  versions: '0',
  flexible: '0+',
  fields: { version: int16(), kRaftVersion: int16() },
});

/** Control record: who leads the metadata quorum since here. */
export const leaderChangeMessage = message({
  name: 'LeaderChangeMessage',
  versions: '0-1',
  flexible: '0+',
  fields: {
    version: int16(),
    leaderId: int32(),
    voters: list({ voterId: int32(), voterDirectoryId: uuid({ versions: '1+' }) }),
    grantingVoters: list({ voterId: int32(), voterDirectoryId: uuid({ versions: '1+' }) }),
  },
});

/** Control record: last in a snapshot. */
export const snapshotFooterRecord = message({
  name: 'SnapshotFooterRecord',
  versions: '0',
  flexible: '0+',
  fields: { version: int16() },
});

/** Control record: first in a snapshot. */
export const snapshotHeaderRecord = message({
  name: 'SnapshotHeaderRecord',
  versions: '0',
  flexible: '0+',
  fields: { version: int16(), lastContainedLogTimestamp: int64() },
});

/** Control record: the voters since here. */
export const votersRecord = message({
  name: 'VotersRecord',
  versions: '0',
  flexible: '0+',
  fields: {
    version: int16(),
    voters: list({
      voterId: int32(),
      voterDirectoryId: uuid(),
      endpoints: list({ name: string(), host: string(), port: uint16() }),
      kRaftVersionFeature: struct({ minSupportedVersion: int16(), maxSupportedVersion: int16() }),
    }),
  },
});
