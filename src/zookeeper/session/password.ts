import { PASSWORD_BYTES } from '../../protocol/zookeeper/index.ts';

const SUPER_SECRET = 0xb3415c00n;
const MULTIPLIER = 0x5deece66dn;
const MASK = (1n << 48n) - 1n;

/**
 * A session's password follows from its id, so that every server of an ensemble knows it, also Apache's own when it
 * takes the data over or hands it back. It guards against mistakes, not against an attacker.
 *
 * Source: ZooKeeperServer.generatePasswd: the first 16 bytes of java.util.Random seeded with the id and a constant.
 */
export function passwordOf(sessionId: bigint): Buffer {
  let state = (BigInt.asUintN(64, sessionId) ^ SUPER_SECRET ^ MULTIPLIER) & MASK;
  const password = Buffer.alloc(PASSWORD_BYTES);
  for (let at = 0; at < PASSWORD_BYTES; at += 4) {
    state = (state * MULTIPLIER + 0xbn) & MASK;
    // nextBytes takes an int's bytes from the lowest up.
    password.writeInt32LE(Number(BigInt.asIntN(32, state >> 16n)), at);
  }
  return password;
}

/**
 * Where a server starts to number sessions: its own number in the high byte, then the time.
 *
 * Source: SessionTrackerImpl.initializeNextSessionId.
 */
export function firstSessionId(serverId: number, nowMs: number): bigint {
  const time = BigInt.asUintN(64, BigInt(Math.trunc(nowMs)) << 24n) >> 8n;
  return BigInt.asIntN(64, time | (BigInt(serverId) << 56n));
}
