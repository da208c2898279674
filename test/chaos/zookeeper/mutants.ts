/**
 * Bugs of servers that clients can notice. A campaign that does not find one of them does not look where it should.
 *
 * Left out is what only a clock that is wrong can show: a leader that answers a sync without a proof that it still leads
 * resigns before another one can be elected. The simulator of `quorum/` has clocks that jump, and finds it.
 */
import { type Mutant, mutant } from '../mutant.ts';

export const mutants: readonly Mutant[] = [
  mutant(
    'commits what the leader alone has flushed',
    'quorum/leader.ts',
    'const reached = reachedByMajority(voters, (voter) => ackedBy(turn, role, voter)) ?? offset(0);',
    'const reached = turn.view.flushedOffset;',
  ),
  mutant(
    'answers a sync without asking the leader',
    'zookeeper/ensemble/ensemble.ts',
    'void this.#agreement?.catchUp().then((result) => done(result.ok));',
    'setImmediate(() => done(true));',
  ),
  mutant(
    'serves a client that has seen a newer state elsewhere',
    'zookeeper/server.ts',
    'if (request.lastZxidSeen > this.tree.lastZxid) {',
    'if (request.lastZxidSeen < 0) {',
  ),
  mutant(
    'forgets what a watch missed while its client was away',
    'zookeeper/tree/data-tree.ts',
    "else if (node.mzxid > watches.relativeZxid) tell('nodeDataChanged', path);",
    '',
  ),
  mutant(
    'forgets persistent watches when their client comes back',
    'zookeeper/tree/data-tree.ts',
    "for (const path of watches.persistentRecursive) this.dataWatches.add(path, watcher, 'persistentRecursive');",
    '',
  ),
  mutant(
    'sends watch events a little later',
    'zookeeper/socket/client-connection.ts',
    '    writeEventFrame(this.#writer, connectedEvent(type, path), zxid);\n    this.#scheduleFlush();',
    '    setTimeout(() => {\n      writeEventFrame(this.#writer, connectedEvent(type, path), zxid);\n      this.#scheduleFlush();\n    }, 40);',
  ),
  mutant(
    'never lets a session expire',
    'zookeeper/server.ts',
    'for (const session of this.sessions.advance(elapsedMs)) {',
    'for (const session of this.sessions.advance(elapsedMs).slice(0, 0)) {',
  ),
  mutant(
    'lets a session expire after half its time-out',
    'zookeeper/session/session-table.ts',
    'const expiresAtMs = this.#bucketOf(nowMs + session.timeoutMs);',
    'const expiresAtMs = this.#bucketOf(nowMs + session.timeoutMs / 2);',
  ),
  mutant(
    'leaves ephemeral nodes behind when their session is closed',
    'zookeeper/tree/data-tree.ts',
    '      left?.delete(path);\n      this.#delete(path, zxid);\n    }\n    for (const path of left ?? []) this.#delete(path, zxid);',
    '      if (path.length % 2 === 0) this.#delete(path, zxid);\n    }',
  ),
  mutant(
    'does not keep sessions in snapshots',
    'zookeeper/ensemble/ensemble.ts',
    'const pieces = snapshotPieces(tree, sessions, clock);',
    'const pieces = snapshotPieces(tree, new Map(), clock);',
  ),
  mutant(
    'takes snapshots amid the entries of a turn',
    'zookeeper/agreement/agreement-driver.ts',
    '    await undefined;\n',
    '',
  ),
  mutant(
    'does not look at the version of a set',
    'zookeeper/request/decide.ts',
    '  if (command.version !== -1 && command.version !== node.version) return failure(errorCode.badVersion);\n  const grown',
    '  const grown',
  ),
  mutant(
    'decides on the tree alone, without what is decided and not applied',
    'zookeeper/request/change-overlay.ts',
    'if (change !== undefined) return change.view.exists ? change.view : undefined;',
    '',
  ),
  mutant(
    'stamps changes with the clock of each server',
    'zookeeper/tree/data-tree.ts',
    'node.mtime = header.timeMs;',
    'node.mtime = Date.now();',
  ),
  mutant(
    'applies what is not committed',
    'zookeeper/agreement/agreement-driver.ts',
    '        if (entry.offset >= this.#state.highWatermark) break;\n',
    '',
  ),
];
