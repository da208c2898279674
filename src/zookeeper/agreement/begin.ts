import type { Disk, Logger, Random } from '../../base/index.ts';
import { epoch, offset } from '../../base/index.ts';
import type { NodeId } from '../../quorum/index.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { endpointOf, type Member } from './types.ts';
import { freshDirectory, hasVote, VoteStore } from './vote-store.ts';

/** Whether a folder holds a member's part of an agreement. */
export const isBegun = (folder: string, disk: Disk): boolean => hasVote(disk, folder);

/** Where the log of an agreement begins that has a state from elsewhere: no log before it, and no earlier epoch. */
const first = { offset: offset(1), epoch: epoch(1) } as const;

/**
 * Begins the agreement of one member with a state that was made without it; `startAgreement` goes on from there. The
 * vote is written last, so that after a crash the folder has not begun, and this can be done again.
 *
 * @param self    the only voter
 * @param pieces  as of `StateMachine.snapshot`
 */
export async function beginAgreement(options: {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly disk: Disk;
  readonly folder: string;
  readonly logger: Logger;
  readonly random: Random;
  readonly self: Member;
  readonly pieces: AsyncIterable<Uint8Array>;
}): Promise<void> {
  const { nodeId, clusterId, disk, folder, logger, random, self, pieces } = options;
  disk.makeFolder(folder);
  const votes = new VoteStore(disk, folder, { clusterId, nodeId }, freshDirectory(random));
  const voters = [{ id: self.id, directory: votes.directory, endpoint: endpointOf(self.address) }];
  const snapshots = new SnapshotStore({ disk, folder, logger });
  await snapshots.write({ id: first, voters }, pieces);
  snapshots.close();
  votes.write({ epoch: first.epoch, votedFor: undefined });
}
