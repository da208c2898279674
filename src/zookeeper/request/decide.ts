import type { Result } from '../../base/index.ts';
import { failure, success, unreachable } from '../../base/index.ts';
import type { Acl, MultiOperation, RequestOf, SessionId, Zxid } from '../../protocol/zookeeper/index.ts';
import { createFlags, errorCode, permission } from '../../protocol/zookeeper/index.ts';
import type { Room } from '../server-settings.ts';
import type { DataTree } from '../tree/data-tree.ts';
import { CONFIG_PATH } from '../tree/data-tree.ts';
import { CONTAINER_OWNER, NO_OWNER, ownerKind, TTL_MS_MAX, ttlOwner } from '../tree/owner.ts';
import { parentOf, pathProblem } from '../tree/path.ts';
import { QUOTA_ROOT } from '../tree/quota.ts';
import type { TreeTxn, Txn } from '../tree/txn.ts';
import type { AccessRules, Identity } from './access.ts';
import { fixedAcl, mayAccess } from './access.ts';
import type { ChangeOverlay, NodeView } from './change-overlay.ts';

/** A wish to change something, by a client or by the server itself. */
export type Command =
  | MultiOperation
  | RequestOf<'setAcl'>
  | RequestOf<'multi'>
  | { readonly op: 'createSession'; readonly timeoutMs: number }
  | { readonly op: 'closeSession' }
  /** From the sweep over containers and nodes whose time has come. */
  | { readonly op: 'deleteContainer'; readonly path: string }
  /** A wish for another membership; an ensemble's leader sees to it first and then decides `applyReconfig`. */
  | RequestOf<'reconfig'>
  /** A new membership, already agreed on by the ensemble's own means. */
  | { readonly op: 'applyReconfig'; readonly configText: string }
  /** Its bytes could not be read, or it may not be asked here: takes its place in the order, and fails. */
  | { readonly op: 'fail'; readonly code: number };

/** Everything a decision looks at besides the command. */
export type DecisionView = {
  readonly tree: DataTree;
  readonly overlay: ChangeOverlay;
  readonly rules: AccessRules;
  readonly sessionId: SessionId;
  readonly identities: readonly Identity[];
  readonly zxid: Zxid;
  /** 0, or why this session may not write now (`sessionExpired`, `sessionMoved`). */
  readonly sessionCode: number;
  readonly room: Room;
};

/**
 * Command to transaction: checks it against the tree as it will be and notes what it changes. A refused command is a
 * transaction too, of type `error`, because it takes a zxid. The order of the checks is Apache's, for it decides which
 * of several errors a client sees.
 *
 * Source: PrepRequestProcessor.pRequest2Txn.
 */
export function decide(command: Command, view: DecisionView): Txn {
  switch (command.op) {
    case 'multi':
      return decideMulti(command, view);
    case 'createSession':
      return { type: 'createSession', timeoutMs: command.timeoutMs };
    case 'closeSession':
      return decideCloseSession(view);
    case 'reconfig':
      return { type: 'error', code: errorCode.reconfigDisabled };
    case 'fail':
      return { type: 'error', code: command.code };
    case 'setAcl': {
      const decided = decideSetAcl(command, view);
      return decided.ok ? decided.value : { type: 'error', code: decided.problem };
    }
    default: {
      const decided = decidePart(command, view);
      return decided.ok ? decided.value : { type: 'error', code: decided.problem };
    }
  }
}

type Decision = Result<TreeTxn, number>;

function decideMulti({ operations }: RequestOf<'multi'>, view: DecisionView): Txn {
  const mark = view.overlay.mark;
  const txns: TreeTxn[] = [];
  let broken = false;
  for (const operation of operations) {
    if (broken) {
      txns.push({ type: 'error', code: errorCode.runtimeInconsistency });
      continue;
    }
    const decided = decidePart(operation, view);
    if (decided.ok) txns.push(decided.value);
    else {
      txns.push({ type: 'error', code: decided.problem });
      view.overlay.rollBack(mark);
      broken = true;
    }
  }
  return { type: 'multi', txns };
}

type PartCommand = MultiOperation | Extract<Command, { readonly op: 'deleteContainer' | 'applyReconfig' }>;

function decidePart(command: PartCommand, view: DecisionView): Decision {
  switch (command.op) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTtl':
      return decideCreate(command, view);
    case 'delete':
      return decideDelete(command.path, command.version, view);
    case 'deleteContainer':
      return decideDeleteContainer(command.path, view);
    case 'setData':
      return decideSetData(command, view);
    case 'check':
      return decideCheck(command, view);
    case 'applyReconfig': {
      const node = view.overlay.view(CONFIG_PATH);
      if (node === undefined) return failure(errorCode.noNode);
      view.overlay.put(CONFIG_PATH, view.zxid, { ...node, version: -1 });
      return success({ type: 'reconfig', path: CONFIG_PATH, data: Buffer.from(command.configText), version: -1 });
    }
    default:
      return unreachable(command);
  }
}

type CreateCommand = Extract<MultiOperation, { readonly op: 'create' | 'create2' | 'createContainer' | 'createTtl' }>;

function decideCreate(command: CreateCommand, view: DecisionView): Decision {
  const { flags } = command;
  if (flags < createFlags.persistent || flags > createFlags.persistentSequentialTtl) {
    return failure(errorCode.badArguments);
  }
  const timed = flags === createFlags.persistentTtl || flags === createFlags.persistentSequentialTtl;
  if (timed && !view.tree.extendedTypes) return failure(errorCode.unimplemented);
  if (command.op === 'createTtl' && !timed) return failure(errorCode.badArguments);
  const ttlMs = command.op === 'createTtl' ? command.ttlMs : -1;
  if (timed ? ttlMs <= 0 || ttlMs > TTL_MS_MAX : ttlMs >= 0) return failure(errorCode.badArguments);
  if (view.sessionCode !== 0) return failure(view.sessionCode);
  if (!command.path.includes('/') || command.path.includes('\u0000')) return failure(errorCode.badArguments);
  const parentPath = parentOf(command.path);
  const acl = fixedAcl(command.acl, view.identities);
  if (!acl.ok) return acl;
  const parent = view.overlay.view(parentPath);
  if (parent === undefined) return failure(errorCode.noNode);
  if (!mayAccess(view.rules, parent.acl, permission.create, view.identities)) return failure(errorCode.noAuth);
  const sequential =
    flags === createFlags.persistentSequential ||
    flags === createFlags.ephemeralSequential ||
    flags === createFlags.persistentSequentialTtl;
  const path = sequential ? command.path + sequenceSuffix(parent.cversion) : command.path;
  if (pathProblem(path) !== undefined) return failure(errorCode.badArguments);
  if (view.overlay.view(path) !== undefined) return failure(errorCode.nodeExists);
  if (ownerKind(parent.owner, view.tree.extendedTypes) === 'session') {
    return failure(errorCode.noChildrenForEphemerals);
  }
  const bytes = path.length + (command.data?.length ?? 0);
  if (view.overlay.nodeCount >= view.room.znodesMax || view.overlay.dataBytes + bytes > view.room.dataBytesMax) {
    return failure(errorCode.quotaExceeded);
  }
  const parentCversion = (parent.cversion + 1) | 0;
  const ephemeral = flags === createFlags.ephemeral || flags === createFlags.ephemeralSequential;
  const owner = ownerOf(view, flags, ttlMs);
  noteCreated(view, { path, bytes, parentPath, parent, parentCversion, acl: acl.value, owner });
  const body = { path, data: ownCopy(command.data), acl: acl.value, parentCversion };
  switch (command.op) {
    case 'createContainer':
      return success({ type: 'createContainer', ...body });
    case 'createTtl':
      return success({ type: 'createTtl', ...body, ttlMs });
    default:
      return success({ type: command.op, ...body, ephemeral });
  }
}

/** `%010d`: a counter that has turned negative keeps its sign within the ten places. */
function sequenceSuffix(counter: number): string {
  return counter < 0 ? `-${String(-counter).padStart(9, '0')}` : String(counter).padStart(10, '0');
}

function ownerOf({ sessionId }: DecisionView, flags: number, ttlMs: number): bigint {
  switch (flags) {
    case createFlags.ephemeral:
    case createFlags.ephemeralSequential:
      return sessionId;
    case createFlags.container:
      return CONTAINER_OWNER;
    case createFlags.persistentTtl:
    case createFlags.persistentSequentialTtl:
      return ttlOwner(ttlMs);
    default:
      return NO_OWNER;
  }
}

function noteCreated(
  { overlay, tree, zxid }: DecisionView,
  created: {
    readonly path: string;
    readonly bytes: number;
    readonly parentPath: string;
    readonly parent: NodeView;
    readonly parentCversion: number;
    readonly acl: readonly Acl[];
    readonly owner: bigint;
  },
): void {
  const { path, bytes, parentPath, parent, parentCversion, acl, owner } = created;
  overlay.put(parentPath, zxid, { ...parent, cversion: parentCversion, childCount: parent.childCount + 1 });
  const acls = tree.acls.intern(acl);
  const node = { exists: true, acl: acls, version: 0, cversion: 0, aversion: 0, owner, childCount: 0 };
  overlay.put(path, zxid, node, { nodes: 1, bytes });
}

function decideDelete(path: string, version: number, view: DecisionView): Decision {
  if (view.sessionCode !== 0) return failure(view.sessionCode);
  if (!path.includes('/') || path.includes('\u0000') || isOwnPath(path)) return failure(errorCode.badArguments);
  const parentPath = parentOf(path);
  const parent = view.overlay.view(parentPath);
  if (parent === undefined) return failure(errorCode.noNode);
  if (!mayAccess(view.rules, parent.acl, permission.delete, view.identities)) return failure(errorCode.noAuth);
  const node = view.overlay.view(path);
  if (node === undefined) return failure(errorCode.noNode);
  if (version !== -1 && version !== node.version) return failure(errorCode.badVersion);
  if (node.childCount > 0) return failure(errorCode.notEmpty);
  noteDeleted(view, path, node, parentPath, parent);
  return success({ type: 'delete', path });
}

function decideDeleteContainer(path: string, view: DecisionView): Decision {
  if (isOwnPath(path)) return failure(errorCode.badArguments);
  const node = view.overlay.view(path);
  if (node === undefined) return failure(errorCode.noNode);
  if (node.childCount > 0) return failure(errorCode.notEmpty);
  if (ownerKind(node.owner, view.tree.extendedTypes) === 'session') return failure(errorCode.badVersion);
  const parentPath = parentOf(path);
  const parent = view.overlay.view(parentPath);
  if (parent === undefined) return failure(errorCode.noNode);
  noteDeleted(view, path, node, parentPath, parent);
  return success({ type: 'deleteContainer', path });
}

function noteDeleted(
  { overlay, zxid }: DecisionView,
  path: string,
  node: NodeView,
  parentPath: string,
  parent: NodeView,
): void {
  overlay.put(parentPath, zxid, { ...parent, childCount: parent.childCount - 1 });
  overlay.put(path, zxid, { ...node, exists: false }, { nodes: -1, bytes: 0 });
}

function decideSetData(command: Extract<MultiOperation, { readonly op: 'setData' }>, view: DecisionView): Decision {
  const { path } = command;
  const checked = checkedNode(path, permission.write, view);
  if (!checked.ok) return checked;
  const node = checked.value;
  if (command.version !== -1 && command.version !== node.version) return failure(errorCode.badVersion);
  const grown = Math.max(0, (command.data?.length ?? 0) - (view.tree.get(path)?.dataBytes ?? 0));
  if (grown > 0 && view.overlay.dataBytes + grown > view.room.dataBytesMax) return failure(errorCode.quotaExceeded);
  const version = (node.version + 1) | 0;
  view.overlay.put(path, view.zxid, { ...node, version }, { nodes: 0, bytes: grown });
  return success({ type: 'setData', path, data: ownCopy(command.data), version });
}

function decideCheck(command: Extract<MultiOperation, { readonly op: 'check' }>, view: DecisionView): Decision {
  const checked = checkedNode(command.path, permission.read, view);
  if (!checked.ok) return checked;
  const node = checked.value;
  if (command.version !== -1 && command.version !== node.version) return failure(errorCode.badVersion);
  return success({ type: 'check', path: command.path, version: (node.version + 1) | 0 });
}

function checkedNode(path: string, permissionBit: number, view: DecisionView): Result<NodeView, number> {
  if (view.sessionCode !== 0) return failure(view.sessionCode);
  if (pathProblem(path) !== undefined) return failure(errorCode.badArguments);
  const node = view.overlay.view(path);
  if (node === undefined) return failure(errorCode.noNode);
  if (!mayAccess(view.rules, node.acl, permissionBit, view.identities)) return failure(errorCode.noAuth);
  return success(node);
}

function decideSetAcl(command: RequestOf<'setAcl'>, view: DecisionView): Result<Txn, number> {
  const { path } = command;
  if (view.sessionCode !== 0) return failure(view.sessionCode);
  if (pathProblem(path) !== undefined) return failure(errorCode.badArguments);
  const acl = fixedAcl(command.acl, view.identities);
  if (!acl.ok) return acl;
  const checked = checkedNode(path, permission.admin, view);
  if (!checked.ok) return checked;
  const node = checked.value;
  if (command.version !== -1 && command.version !== node.aversion) return failure(errorCode.badVersion);
  const aversion = (node.aversion + 1) | 0;
  view.overlay.put(path, view.zxid, { ...node, aversion, acl: view.tree.acls.intern(acl.value) });
  return success({ type: 'setAcl', path, acl: acl.value, version: aversion });
}

function decideCloseSession(view: DecisionView): Txn {
  const paths = [...view.overlay.ephemeralsOf(view.sessionId)];
  for (const path of paths) {
    const node = view.overlay.view(path);
    const parentPath = parentOf(path);
    const parent = view.overlay.view(parentPath);
    if (node !== undefined && parent !== undefined) noteDeleted(view, path, node, parentPath, parent);
  }
  return { type: 'closeSession', paths };
}

const isOwnPath = (path: string): boolean =>
  path === '/' || path === '/zookeeper' || path === QUOTA_ROOT || path === CONFIG_PATH;

/** The request's bytes belong to its connection's buffer. */
const ownCopy = (data: Buffer | undefined): Buffer | undefined => (data === undefined ? undefined : Buffer.from(data));
