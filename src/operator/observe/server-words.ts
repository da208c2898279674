/** What a ZooKeeper server says of itself, by its words `mntr` and `conf`: pure. */
import type { ZooKeeperStatus } from '../../api/index.ts';
import type { MemberRole } from '../desired/zookeeper.ts';

export type ServerMode = NonNullable<ZooKeeperStatus['servers']>[number]['mode'];

/** The ensemble's servers as one of them knows them. */
export type Membership = {
  /** Rises with every change. */
  readonly version: number;
  /** By the number in the myid file. */
  readonly members: ReadonlyMap<number, MemberRole>;
};

export type ServerReport = {
  readonly mode: ServerMode;
  readonly epoch: number | undefined;
  /** Places in the log that all servers share; undefined: not told. */
  readonly committedOffset: number | undefined;
  readonly appliedOffset: number | undefined;
  readonly membership: Membership | undefined;
};

export const silent: ServerReport = {
  mode: 'unknown',
  epoch: undefined,
  committedOffset: undefined,
  appliedOffset: undefined,
  membership: undefined,
};

const modes: readonly ServerMode[] = ['standalone', 'leader', 'follower', 'observer'];

/**
 * @param mntr  undefined: it did not answer
 * @param conf  undefined: it did not answer, or was not asked
 */
export function reportOf(mntr: string | undefined, conf: string | undefined): ServerReport {
  if (mntr === undefined) return silent;
  if (/not currently serving/.test(mntr)) return { ...silent, mode: 'looking' };
  const values = new Map(
    mntr.split('\n').map((line) => {
      const [name = '', value = ''] = line.split('\t');
      return [name, value];
    }),
  );
  const numberOf = (name: string): number | undefined => {
    const value = values.get(`zk_${name}`);
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
  };
  return {
    mode: modes.find((mode) => mode === values.get('zk_server_state')) ?? 'unknown',
    epoch: numberOf('current_epoch'),
    committedOffset: numberOf('committed_offset'),
    appliedOffset: numberOf('applied_offset'),
    membership: conf === undefined ? undefined : membershipIn(conf),
  };
}

function membershipIn(conf: string): Membership | undefined {
  const version = /^version=([0-9a-f]{1,14})$/m.exec(conf)?.[1];
  if (version === undefined) return undefined;
  const members = new Map<number, MemberRole>();
  for (const [, id, role] of conf.matchAll(/^server\.(\d+)=[^;\n]*:(participant|observer)(?:;|$)/gm)) {
    members.set(Number(id), role as MemberRole);
  }
  return members.size === 0 ? undefined : { version: Number.parseInt(version, 16), members };
}
