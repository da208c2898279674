/**
 * Who may change an ensemble's membership: ZooKeeper's super user. The password is made once, kept in a Secret, and used
 * by the operator alone; servers are given its digest.
 */
import { createHash } from 'node:crypto';
import type { KubeObject, Secret } from '../../kube/index.ts';

export type SuperUser = {
  readonly password: string;
  /** As `DigestAuthenticationProvider.superDigest` wants it. */
  readonly digest: string;
};

export const superUserName = 'super';

/** Source: DigestAuthenticationProvider.generateDigest. */
export const superUserOf = (password: string): SuperUser => ({
  password,
  digest: `${superUserName}:${createHash('sha1').update(`${superUserName}:${password}`).digest('base64')}`,
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const textOf = (data: string | undefined): string => Buffer.from(data ?? '', 'base64').toString();

/** It cannot be changed, only deleted: then another password is made, and the servers are restarted with it. */
export const superUserSecret = ({ password, digest }: SuperUser, metadata: KubeObject['metadata']): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata,
  type: 'Opaque',
  immutable: true,
  data: { username: base64(superUserName), password: base64(password), superDigest: base64(digest) },
});

/** @returns undefined if it was not made by us: its digest is not that of its password */
export function superUserIn({ data }: Secret): SuperUser | undefined {
  const user = superUserOf(textOf(data?.password));
  return user.password !== '' && textOf(data?.superDigest) === user.digest ? user : undefined;
}
