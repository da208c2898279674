import { createReadStream } from 'node:fs';
import { failure, type Result } from '../../base/index.ts';
import type { ClusterState } from '../../placement/index.ts';
import { type BorderProblem, parseClusterLines } from '../../placement/json/index.ts';

/**
 * Reads a cluster from a file or from standard input, piece by piece: neither the text nor the event loop is ever taken
 * by more than one topic. One JSON document and the form of one topic a line are read alike.
 */
export async function clusterFromFile(path: string): Promise<Result<ClusterState, BorderProblem>> {
  const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  const splitter = new TopicSplitter();
  try {
    const parsed = await parseClusterLines(linesOf(stream, splitter));
    if (parsed.ok) return parsed;
    const { field, message } = parsed.problem;
    const where = splitter.isOneDocument ? inDocument(field, splitter.topicCount) : field;
    return failure({ field: where === '' ? path : `${path}: ${where}`, message });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    return failure({ field: '--cluster', message: `cannot read ${path}: ${error.message}` });
  }
}

/** `line 1: brokers[0].id` and `line 5: partitions[2]` as places of one document. */
function inDocument(field: string, topicCount: number): string {
  const [, line, rest = ''] = /^line (\d+)(?:: (.*))?$/.exec(field) ?? [];
  if (line === undefined) return field;
  if (line === '1') return rest;
  if (Number(line) - 2 >= topicCount) return 'after topics';
  return [`topics[${Number(line) - 2}]`, rest].filter((part) => part !== '').join('.');
}

async function* linesOf(stream: AsyncIterable<Buffer | string>, splitter: TopicSplitter): AsyncGenerator<string> {
  for await (const chunk of stream) yield* splitter.push(Buffer.from(chunk));
  yield* splitter.end();
}

const [quote, backslash] = [0x22, 0x5c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
const topicsKey = /"topics"\s*:\s*$/;
/** The key and what may stand around it. */
const keyBytes = 64;

/**
 * Takes a document apart at its topics: one line of everything else, then one topic a line. It only counts brackets and
 * quotes; what is between them is for the parser to judge.
 */
export class TopicSplitter {
  /** Whether the topics were an array of the first object. */
  isOneDocument = false;
  /** Topics found so far. */
  topicCount = 0;
  private depth = 0;
  private isInString = false;
  private isEscaped = false;
  private isInTopics = false;
  /** Text before the topics of one document; undefined: not there yet, or emitted. */
  private head: string | undefined;
  /** Topics that came before all the rest was known. */
  private early: string[] = [];
  /** What is being collected. */
  private parts: Buffer[] = [];

  *push(chunk: Buffer): Generator<string> {
    let from = 0;
    const take = (to: number): Buffer => {
      const whole = Buffer.concat([...this.parts, chunk.subarray(from, to)]);
      this.parts = [];
      from = to;
      return whole;
    };
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.isInString) {
        if (this.isEscaped) this.isEscaped = false;
        else if (byte === backslash) this.isEscaped = true;
        else if (byte === quote) this.isInString = false;
      } else if (byte === quote) this.isInString = true;
      else if (byte === openBrace || byte === openBracket) {
        this.depth++;
        if (this.isInTopics && this.depth === 3) take(at);
        else if (byte === openBracket && this.depth === 2 && !this.isOneDocument && this.isAtTopics(chunk, from, at)) {
          [this.isInTopics, this.isOneDocument] = [true, true];
          const before = take(at).toString();
          if (/"version"/.test(before) && /"brokers"/.test(before)) yield headOf(`${before}[]}`);
          else this.head = before;
        }
      } else if (byte === closeBrace || byte === closeBracket) {
        this.depth--;
        if (this.isInTopics && this.depth === 2) {
          const topic = take(at + 1).toString();
          this.topicCount++;
          if (this.head === undefined) yield topic;
          else this.early.push(topic);
        } else if (this.isInTopics && this.depth === 1) {
          take(at + 1);
          this.isInTopics = false;
        } else if (this.depth === 0) yield* this.ended(take(at + 1).toString());
      }
    }
    this.parts.push(chunk.subarray(from));
  }

  /** What is left over is not JSON; the parser says so. */
  *end(): Generator<string> {
    const rest = `${this.head ?? ''}${Buffer.concat(this.parts)}`.trim();
    if (rest !== '') yield rest.replaceAll('\n', ' ');
  }

  private isAtTopics(chunk: Buffer, from: number, at: number): boolean {
    const here = chunk.subarray(Math.max(from, at - keyBytes), at);
    const before = here.length < keyBytes ? Buffer.concat(this.parts).subarray(-keyBytes) : Buffer.alloc(0);
    return topicsKey.test(`${before}${here}`);
  }

  private *ended(text: string): Generator<string> {
    if (this.head !== undefined) {
      yield headOf(`${this.head}[]${text}`);
      this.head = undefined;
      yield* this.early.splice(0);
    } else if (!this.isOneDocument) yield text.trim();
    else if (text.trim() !== '}') yield `{${text.replace(/^\s*,/, '')}`;
  }
}

/** The document without its topics; text that is not JSON stays as it is. */
function headOf(text: string): string {
  try {
    const { topics: _, ...head } = JSON.parse(text);
    return JSON.stringify(head);
  } catch {
    return text.replaceAll('\n', ' ');
  }
}
