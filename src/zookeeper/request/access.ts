import { createHash } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import type { Result } from '../../base/index.ts';
import { failure, success } from '../../base/index.ts';
import type { Acl } from '../../protocol/zookeeper/index.ts';
import { errorCode } from '../../protocol/zookeeper/index.ts';
import type { AclList } from '../tree/acl-table.ts';

/** Who a connection has shown to be. `ip` is there from the start. */
export type Identity = { readonly scheme: string; readonly id: string };

export type AccessRules = {
  /** `skipACL`: everybody may do everything. */
  readonly skip: boolean;
  /** `DigestAuthenticationProvider.superDigest`, `user:base64`. */
  readonly superDigest: string | undefined;
  /** `DigestAuthenticationProvider.digestAlg` in OpenSSL's spelling. */
  readonly digestAlgorithm: string;
};

/** Source: ZooKeeperServer.checkACL. */
export function mayAccess(
  rules: AccessRules,
  acl: AclList,
  permission: number,
  identities: readonly Identity[],
): boolean {
  const { entries } = acl;
  if (rules.skip || entries.length === 0) return true;
  // Nearly every node is open to all: look at that before anything is compared.
  for (const entry of entries) {
    if ((entry.perms & permission) !== 0 && entry.scheme === 'world' && entry.id === 'anyone') return true;
  }
  if (identities.some(({ scheme }) => scheme === 'super')) return true;
  return entries.some(
    (entry) =>
      (entry.perms & permission) !== 0 &&
      identities.some(({ scheme, id }) => scheme === entry.scheme && matches(scheme, id, entry.id)),
  );
}

function matches(scheme: string, id: string, aclId: string): boolean {
  return scheme === 'ip' ? addressIsIn(id, aclId) : id === aclId;
}

/**
 * An ACL as it is kept: without repetitions, `auth` replaced by who asks.
 *
 * @returns invalidAcl for an empty list, an unknown scheme or a malformed id
 *
 * Source: PrepRequestProcessor.fixupACL.
 */
export function fixedAcl(acls: readonly Acl[], identities: readonly Identity[]): Result<readonly Acl[], number> {
  if (acls.length === 0) return failure(errorCode.invalidAcl);
  if (acls.length === 1 && acls[0]!.scheme === 'world' && acls[0]!.id === 'anyone') return success(acls);
  const fixed: Acl[] = [];
  const seen = new Set<string>();
  for (const acl of acls) {
    const key = `${acl.perms}\u0000${acl.scheme}\u0000${acl.id}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (acl.scheme === 'auth') {
      const proven = identities.filter(({ scheme }) => scheme === 'digest');
      if (proven.length === 0) return failure(errorCode.invalidAcl);
      for (const { scheme, id } of proven) fixed.push({ perms: acl.perms, scheme, id });
    } else if (isValidId(acl.scheme, acl.id)) fixed.push(acl);
    else return failure(errorCode.invalidAcl);
  }
  return success(fixed);
}

function isValidId(scheme: string, id: string): boolean {
  switch (scheme) {
    case 'world':
      return id === 'anyone';
    case 'digest':
      return id.split(':').length === 2;
    case 'ip':
      return networkOf(id) !== undefined;
    default:
      return false;
  }
}

/**
 * Who a connection is after credentials of scheme `digest`: `user:base64(hash(user:password))`, and `super` if that is
 * the configured super user.
 *
 * Source: DigestAuthenticationProvider.
 */
export function digestIdentities(rules: AccessRules, credentials: Buffer): readonly Identity[] {
  const text = credentials.toString('utf8');
  const [user = ''] = text.split(':', 1);
  const id = `${user}:${createHash(rules.digestAlgorithm).update(text).digest('base64')}`;
  const own = { scheme: 'digest', id };
  return id === rules.superDigest ? [{ scheme: 'super', id: '' }, own] : [own];
}

type IpNetwork = { readonly bytes: Uint8Array; readonly bits: number };

const networks = new Map<string, IpNetwork | undefined>();
const NETWORKS_MAX = 1_000;

function addressIsIn(address: string, network: string): boolean {
  let parsed = networks.get(network);
  if (parsed === undefined && !networks.has(network)) {
    if (networks.size >= NETWORKS_MAX) networks.clear();
    parsed = networkOf(network);
    networks.set(network, parsed);
  }
  const bytes = addressBytes(address);
  if (parsed === undefined || bytes === undefined || bytes.length !== parsed.bytes.length) return false;
  let bits = parsed.bits;
  for (let index = 0; bits > 0; index++, bits -= 8) {
    const mask = bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff;
    if (((bytes[index]! ^ parsed.bytes[index]!) & mask) !== 0) return false;
  }
  return true;
}

/** `address` or `address/bits`. */
function networkOf(text: string): IpNetwork | undefined {
  const [address = '', bitsText, ...more] = text.split('/');
  const bytes = addressBytes(address);
  if (bytes === undefined || more.length > 0) return undefined;
  if (bitsText === undefined) return { bytes, bits: bytes.length * 8 };
  const bits = Number(bitsText);
  if (!/^\d+$/.test(bitsText) || bits > bytes.length * 8) return undefined;
  return { bytes, bits };
}

function addressBytes(address: string): Uint8Array | undefined {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number));
  if (isIP(address) !== 6) return undefined;
  const [head = '', tail] = address.replace(/%.*/, '').split('::');
  const groups = (part: string): number[] =>
    part === ''
      ? []
      : part.split(':').flatMap((group) => {
          if (group.includes('.')) return group.split('.').map(Number);
          const value = Number.parseInt(group, 16);
          return [value >> 8, value & 0xff];
        });
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  return Uint8Array.from([...front, ...new Array<number>(16 - front.length - back.length).fill(0), ...back]);
}
