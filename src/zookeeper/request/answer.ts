import { unreachable } from '../../base/index.ts';
import type { MultiResult, ResponseBody } from '../../protocol/zookeeper/index.ts';
import { errorCode } from '../../protocol/zookeeper/index.ts';
import type { Applied, AppliedPart } from '../tree/data-tree.ts';
import type { Txn } from '../tree/txn.ts';
import type { Answer } from './read.ts';

const nothing: ResponseBody = { kind: 'nothing' };

/**
 * The answer to a write, from its transaction. A multi that failed answers without an error in the header: only then
 * do clients read the codes in its body.
 */
export function answerWrite(txn: Txn, applied: Applied): Answer {
  switch (txn.type) {
    case 'multi': {
      const results = (applied.parts ?? []).map(resultOf);
      return { code: errorCode.ok, body: { kind: 'multi', results } };
    }
    case 'create':
      return { code: applied.code, body: { kind: 'path', path: txn.path } };
    case 'create2':
    case 'createContainer':
    case 'createTtl':
      if (applied.stat === undefined) return { code: applied.code || errorCode.systemError, body: nothing };
      return { code: applied.code, body: { kind: 'pathAndStat', path: txn.path, stat: applied.stat } };
    case 'setData':
    case 'setAcl':
      if (applied.stat === undefined) return { code: applied.code || errorCode.systemError, body: nothing };
      return { code: applied.code, body: { kind: 'stat', stat: applied.stat } };
    case 'reconfig':
      if (applied.stat === undefined) return { code: applied.code || errorCode.systemError, body: nothing };
      return { code: applied.code, body: { kind: 'data', data: txn.data, stat: applied.stat } };
    case 'delete':
    case 'deleteContainer':
    case 'error':
    case 'closeSession':
    case 'createSession':
    case 'check':
      return { code: applied.code, body: nothing };
    default:
      return unreachable(txn);
  }
}

function resultOf(part: AppliedPart): MultiResult {
  if (part.code !== 0 || part.type === 'error') return { op: 'error', code: part.code };
  switch (part.type) {
    case 'create':
      return { op: 'create', path: part.path ?? '' };
    case 'create2':
    case 'createContainer':
    case 'createTtl':
      return part.stat === undefined
        ? { op: 'error', code: errorCode.systemError }
        : { op: 'create2', path: part.path ?? '', stat: part.stat };
    case 'setData':
    case 'reconfig':
      return part.stat === undefined
        ? { op: 'error', code: errorCode.systemError }
        : { op: 'setData', stat: part.stat };
    case 'delete':
    case 'deleteContainer':
      return { op: 'delete' };
    case 'check':
      return { op: 'check' };
    default:
      return unreachable(part.type);
  }
}
