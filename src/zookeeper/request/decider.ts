import type { Clock } from '../../base/index.ts';
import type { SessionId, Zxid } from '../../protocol/zookeeper/index.ts';
import { errorCode, zxid } from '../../protocol/zookeeper/index.ts';
import type { Room } from '../server-settings.ts';
import type { SessionTable } from '../session/session-table.ts';
import type { DataTree } from '../tree/data-tree.ts';
import type { LoggedTxn } from '../tree/txn.ts';
import type { AccessRules, Identity } from './access.ts';
import { ChangeOverlay } from './change-overlay.ts';
import type { Command } from './decide.ts';
import { decide } from './decide.ts';

/** Somebody wants a transaction: a client's session, or the server itself (session 0). */
export type Wish = {
  readonly sessionId: SessionId;
  /** The request's xid, by which its answer is found again. */
  readonly cxid: number;
  readonly identities: readonly Identity[];
  readonly command: Command;
  /** The server that the client is connected to; undefined for the server's own wishes. */
  readonly fromServer: number | undefined;
};

/**
 * Makes transactions of wishes, one after another: the only place where zxids come from. On a standalone server it is
 * always active, in an ensemble only on the leader.
 */
export class Decider {
  readonly overlay: ChangeOverlay;
  /** Writes that found no room for a node or its data. */
  refusedForRoomCount = 0;
  #tree: DataTree;
  #sessions: SessionTable;
  #rules: AccessRules;
  #room: Room;
  #clock: Clock;
  #lastZxid: Zxid;

  constructor(
    tree: DataTree,
    sessions: SessionTable,
    { rules, room }: { readonly rules: AccessRules; readonly room: Room },
    clock: Clock,
  ) {
    this.#tree = tree;
    this.#sessions = sessions;
    this.#rules = rules;
    this.#room = room;
    this.#clock = clock;
    this.#lastZxid = tree.lastZxid;
    this.overlay = new ChangeOverlay(tree);
  }

  /** Zxid of the last decision. */
  get lastZxid(): Zxid {
    return this.#lastZxid;
  }

  /** Starts to decide on top of what the tree holds now; nothing decided may be pending. */
  begin(lastZxid: Zxid): void {
    this.overlay.clear();
    this.#sessions.beginAgain();
    this.#lastZxid = lastZxid;
  }

  decide({ sessionId, cxid, identities, command, fromServer }: Wish): LoggedTxn {
    this.#lastZxid = zxid(this.#lastZxid + 1);
    const header = { sessionId, cxid, zxid: this.#lastZxid, timeMs: this.#clock.nowMs() };
    const txn = decide(command, {
      tree: this.#tree,
      overlay: this.overlay,
      rules: this.#rules,
      sessionId,
      identities,
      zxid: header.zxid,
      sessionCode: this.#sessionCode(sessionId, fromServer),
      room: this.#room,
    });
    if (lacksRoom(txn)) this.refusedForRoomCount++;
    if (command.op === 'createSession') this.#sessions.open(sessionId, command.timeoutMs, fromServer);
    if (command.op === 'closeSession') {
      const session = this.#sessions.get(sessionId);
      if (session !== undefined) session.closing = true;
    }
    return { header, txn };
  }

  /** Source: SessionTrackerImpl.checkSession. */
  #sessionCode(sessionId: SessionId, fromServer: number | undefined): number {
    if (fromServer === undefined) return errorCode.ok;
    const session = this.#sessions.get(sessionId);
    if (session === undefined || session.closing) return errorCode.sessionExpired;
    if (session.owner === undefined) session.owner = fromServer;
    if (session.owner !== fromServer) return errorCode.sessionMoved;
    // Other servers tell of their clients now and then; what came with a write counts at once.
    this.#sessions.touch(session);
    return errorCode.ok;
  }
}

const lacksRoom = (txn: LoggedTxn['txn']): boolean =>
  txn.type === 'error'
    ? txn.code === errorCode.quotaExceeded
    : txn.type === 'multi' && txn.txns.some((part) => part.type === 'error' && part.code === errorCode.quotaExceeded);
