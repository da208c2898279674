import { unreachable } from '../../base/index.ts';
import type { Acl, Request, ResponseBody, SessionId } from '../../protocol/zookeeper/index.ts';
import { addWatchMode, errorCode, permission, watcherType } from '../../protocol/zookeeper/index.ts';
import type { DataTree } from '../tree/data-tree.ts';
import type { Watcher, WatchTable } from '../tree/watch-table.ts';
import { statOf } from '../tree/znode.ts';
import type { AccessRules, Identity } from './access.ts';
import { mayAccess } from './access.ts';

/** Requests that change nothing that is replicated, answered from the local tree. */
export type ReadRequest = Extract<
  Request,
  {
    readonly op:
      | 'exists'
      | 'getData'
      | 'getAcl'
      | 'getChildren'
      | 'getChildren2'
      | 'multiRead'
      | 'checkWatches'
      | 'removeWatches'
      | 'setWatches'
      | 'setWatches2'
      | 'getEphemerals'
      | 'getAllChildrenNumber'
      | 'addWatch'
      | 'whoAmI'
      | 'ping';
  }
>;

export type ReadView = {
  readonly tree: DataTree;
  readonly rules: AccessRules;
  readonly identities: readonly Identity[];
  readonly sessionId: SessionId;
  readonly watcher: Watcher;
  readonly limits: { readonly watchesMax: number };
};

/** `body` counts only with `code` 0. */
export type Answer = { readonly code: number; readonly body: ResponseBody };

const nothing: ResponseBody = { kind: 'nothing' };
const refused = (code: number): Answer => ({ code, body: nothing });
const good = (body: ResponseBody): Answer => ({ code: errorCode.ok, body });

/**
 * Answers a read and sets its watch, in one go.
 *
 * Source: FinalRequestProcessor.
 */
export function answerRead(request: ReadRequest, view: ReadView): Answer {
  const { tree, watcher } = view;
  switch (request.op) {
    case 'ping':
      return good(nothing);
    case 'exists': {
      if (request.path.includes('\u0000')) return refused(errorCode.badArguments);
      const node = tree.get(request.path);
      if (node !== undefined && !mayAccess(view.rules, node.acl, permission.read, view.identities)) {
        return refused(errorCode.noAuth);
      }
      if (request.watch && !addStandard(tree.dataWatches, request.path, view)) return refused(errorCode.quotaExceeded);
      return node === undefined
        ? refused(errorCode.noNode)
        : good({ kind: 'stat', stat: statOf(node, tree.extendedTypes) });
    }
    case 'getData': {
      const node = readable(request.path, view);
      if (typeof node === 'number') return refused(node);
      if (request.watch && !addStandard(tree.dataWatches, request.path, view)) return refused(errorCode.quotaExceeded);
      return good({ kind: 'data', data: node.data, stat: statOf(node, tree.extendedTypes) });
    }
    case 'getChildren':
    case 'getChildren2': {
      const node = readable(request.path, view);
      if (typeof node === 'number') return refused(node);
      if (request.watch && !addStandard(tree.childWatches, request.path, view)) return refused(errorCode.quotaExceeded);
      const children = node.childNames();
      return good(
        request.op === 'getChildren'
          ? { kind: 'children', children }
          : { kind: 'childrenAndStat', children, stat: statOf(node, tree.extendedTypes) },
      );
    }
    case 'getAllChildrenNumber': {
      const node = readable(request.path, view);
      return typeof node === 'number'
        ? refused(node)
        : good({ kind: 'number', number: tree.descendantCount(request.path) });
    }
    case 'getAcl': {
      const node = tree.get(request.path);
      if (node === undefined) return refused(errorCode.noNode);
      if (!mayAccess(view.rules, node.acl, permission.read | permission.admin, view.identities)) {
        return refused(errorCode.noAuth);
      }
      const open = mayAccess(view.rules, node.acl, permission.admin, view.identities);
      return good({
        kind: 'acl',
        acl: open ? node.acl.entries : node.acl.entries.map(masked),
        stat: statOf(node, tree.extendedTypes),
      });
    }
    case 'multiRead':
      return good({
        kind: 'multi',
        results: request.operations.map((operation) => {
          const { code, body } = answerRead({ ...operation, watch: false }, view);
          if (code === errorCode.ok && body.kind === 'data') {
            return { op: 'getData', data: body.data, stat: body.stat };
          }
          if (code === errorCode.ok && body.kind === 'children') return { op: 'getChildren', children: body.children };
          return { op: 'error', code };
        }),
      });
    case 'setWatches':
      if (!mayBringBack(request.data.length + request.exist.length + request.child.length, view)) {
        return refused(errorCode.quotaExceeded);
      }
      tree.setWatches(watcher, { ...request, persistent: [], persistentRecursive: [] });
      return good(nothing);
    case 'setWatches2': {
      const { data, exist, child, persistent, persistentRecursive } = request;
      const standard = data.length + exist.length + child.length;
      if (!mayBringBack(standard + persistent.length * 2 + persistentRecursive.length, view)) {
        return refused(errorCode.quotaExceeded);
      }
      tree.setWatches(watcher, request);
      return good(nothing);
    }
    case 'addWatch': {
      const { mode } = request;
      if (mode !== addWatchMode.persistent && mode !== addWatchMode.persistentRecursive) {
        return refused(errorCode.marshallingError);
      }
      if (tree.watchCount >= view.limits.watchesMax) return refused(errorCode.quotaExceeded);
      tree.addWatch(watcher, request.path, mode === addWatchMode.persistent ? 'persistent' : 'persistentRecursive');
      return good({ kind: 'errorBody', code: 0 });
    }
    case 'checkWatches':
      if (!isWatcherType(request.type)) return refused(errorCode.marshallingError);
      return tree.hasWatch(watcher, request.path, request.type) ? good(nothing) : refused(errorCode.noWatcher);
    case 'removeWatches':
      if (!isWatcherType(request.type)) return refused(errorCode.marshallingError);
      return tree.removeWatch(watcher, request.path, request.type) ? good(nothing) : refused(errorCode.noWatcher);
    case 'getEphemerals': {
      const prefix = request.prefixPath.trim();
      const all = [...tree.ephemeralsOf(view.sessionId)];
      const everything = prefix === '' || prefix === '/';
      return good({
        kind: 'children',
        children: everything ? all : all.filter((path) => path.startsWith(request.prefixPath)),
      });
    }
    case 'whoAmI':
      return good({ kind: 'clientInfo', clientInfo: view.identities.map(clientInfoOf) });
    default:
      return unreachable(request);
  }
}

/** False: there is no room for another watch. */
function addStandard(table: WatchTable, path: string, { tree, watcher, limits }: ReadView): boolean {
  if (tree.watchCount >= limits.watchesMax && !table.has(path, watcher, undefined)) return false;
  table.add(path, watcher, 'standard');
  return true;
}

/** Watches that were granted once, by a server that is gone perhaps: there is as much room again for them. */
const mayBringBack = (count: number, { tree, limits }: ReadView): boolean =>
  tree.watchCount + count <= limits.watchesMax * 2;

function readable(path: string, { tree, rules, identities }: ReadView) {
  const node = tree.get(path);
  if (node === undefined) return errorCode.noNode;
  return mayAccess(rules, node.acl, permission.read, identities) ? node : errorCode.noAuth;
}

/** Who may not administer a node sees whose it is, not the hash of the password. */
const masked = (acl: Acl): Acl => (acl.scheme === 'digest' ? { ...acl, id: acl.id.replace(/:.*/s, ':x') } : acl);

const clientInfoOf = ({ scheme, id }: Identity): { scheme: string; user: string } => ({
  scheme,
  user: scheme === 'digest' ? id.split(':', 1)[0]! : id,
});

const isWatcherType = (type: number): boolean =>
  type >= watcherType.children && type <= watcherType.persistentRecursive;
