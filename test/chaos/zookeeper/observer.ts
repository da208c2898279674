/**
 * What one session may expect of plain reads and watches, checked as its answers come: what it sees of a path never goes
 * back; a watch tells of a change before any answer shows it, once, and is not lost. What only all sessions together
 * know, whether a session that had seen one change was shown something from before another, `ZxidLedger` judges later.
 */
export type Sighting = { readonly mzxid: number } | 'absent';

type Watched = { readonly seen: Sighting; fired: number };

/** A session looked at `path` and was shown `mzxid` (or held a watch since) when it had already seen `seenUpTo`. */
type Claim = {
  readonly who: string;
  readonly path: string;
  readonly mzxid: number;
  readonly seenUpTo: number;
  readonly what: 'read' | 'watch';
};

/** Every change of every path that anybody was shown, and what each session claimed to be up to date with. */
export class ZxidLedger {
  readonly #changes = new Map<string, Set<number>>();
  readonly #claims: Claim[] = [];

  changed(path: string, mzxid: number): void {
    const known = this.#changes.get(path);
    if (known === undefined) this.#changes.set(path, new Set([mzxid]));
    else known.add(mzxid);
  }

  claim(claim: Claim): void {
    this.#claims.push(claim);
  }

  violations(): string[] {
    const sorted = new Map([...this.#changes].map(([path, zxids]) => [path, [...zxids].sort((a, b) => a - b)]));
    return this.#claims.flatMap(({ who, path, mzxid, seenUpTo, what }) => {
      const missed = (sorted.get(path) ?? []).find((each) => each > mzxid && each <= seenUpTo);
      if (missed === undefined) return [];
      const had = `${who}, having seen ${hex(seenUpTo)},`;
      return what === 'read'
        ? [`${had} read ${path} at ${hex(mzxid)}, which had changed at ${hex(missed)}`]
        : [`${had} had not been told of the change of ${path} at ${hex(missed)}, watched since ${hex(mzxid)}`];
    });
  }
}

export class SessionObserver {
  readonly violations: string[] = [];
  readonly #name: string;
  readonly #ledger: ZxidLedger;
  readonly #newest = new Map<string, number>();
  readonly #watches = new Map<string, Watched[]>();
  /** Newest zxid in any answer. */
  #seenUpTo = 0;
  watchesSet = 0;
  watchesFired = 0;

  constructor(name: string, ledger: ZxidLedger) {
    this.#name = name;
    this.#ledger = ledger;
  }

  /** In the order of the answers. */
  saw(path: string, sighting: Sighting): void {
    if (sighting !== 'absent') {
      const { mzxid } = sighting;
      const newest = this.#newest.get(path) ?? 0;
      if (mzxid < newest) {
        this.violations.push(`${this.#name} read ${path} at ${hex(mzxid)} after ${hex(newest)}`);
      } else this.#newest.set(path, mzxid);
      this.#ledger.changed(path, mzxid);
      this.#ledger.claim({ who: this.#name, path, mzxid, seenUpTo: this.#seenUpTo, what: 'read' });
      this.#seenUpTo = Math.max(this.#seenUpTo, mzxid);
    }
    for (const watched of this.#watches.get(path) ?? []) {
      if (watched.fired === 0 && !same(watched.seen, sighting)) {
        this.violations.push(
          `${this.#name} saw ${path} change from ${text(watched.seen)} to ${text(sighting)} before its watch told`,
        );
      }
    }
    this.#sawOnConnection(path, sighting);
  }

  /** Call when the answer that sets it arrives; the answer is what `fired` compares later answers with. */
  watch(path: string, seen: Sighting): () => void {
    const watched: Watched = { seen, fired: 0 };
    this.watchesSet++;
    const all = this.#watches.get(path) ?? [];
    all.push(watched);
    this.#watches.set(path, all);
    return () => {
      watched.fired++;
      this.watchesFired++;
      if (watched.fired > 1) this.violations.push(`${this.#name} was told twice by one watch on ${path}`);
      else this.#claimWatch(path, seen);
    };
  }

  #claimWatch(path: string, seen: Sighting): void {
    if (seen === 'absent') return;
    this.#ledger.claim({ who: this.#name, path, mzxid: seen.mzxid, seenUpTo: this.#seenUpTo, what: 'watch' });
  }

  // A persistent watch tells of every change while the connection lasts, and of none that was missed in between.

  #recursivePrefix: string | undefined;
  /** Events by path, and those of earlier turns; also of a watch whose answer is still to be taken up. */
  #events = new Map<string, number>();
  #late = new Map<string, number>();
  #onConnection = new Map<string, { readonly sighting: Sighting; readonly events: number }>();

  /** Another connection, or none. */
  disconnected(): void {
    this.#recursivePrefix = undefined;
    this.#events = new Map();
    this.#late = new Map();
    this.#onConnection.clear();
  }

  /** All below `prefix` is watched on this connection from now on. */
  recursive(prefix: string): void {
    this.#recursivePrefix = prefix;
    this.#onConnection.clear();
  }

  told(path: string): void {
    this.watchesFired++;
    this.#events.set(path, (this.#events.get(path) ?? 0) + 1);
    // An answer of the same turn may have come before it: for that one it has not happened yet.
    const late = this.#late;
    setImmediate(() => late.set(path, (late.get(path) ?? 0) + 1));
  }

  #sawOnConnection(path: string, sighting: Sighting): void {
    if (this.#recursivePrefix === undefined || !path.startsWith(this.#recursivePrefix)) return;
    const before = this.#onConnection.get(path);
    if (before !== undefined && !same(before.sighting, sighting) && (this.#events.get(path) ?? 0) <= before.events) {
      this.violations.push(
        `${this.#name} saw ${path} change from ${text(before.sighting)} to ${text(sighting)}, and its persistent watch was silent`,
      );
    }
    this.#onConnection.set(path, { sighting, events: this.#late.get(path) ?? 0 });
  }

  /** The session is over, or the run is. */
  end(): void {
    for (const [path, all] of this.#watches) {
      for (const { seen, fired } of all) if (fired === 0) this.#claimWatch(path, seen);
    }
  }

  /** Paths with watches that have not fired. */
  pending(): readonly string[] {
    return [...this.#watches].filter(([, all]) => all.some(({ fired }) => fired === 0)).map(([path]) => path);
  }

  /** At the end, some time after everything is quiet. */
  expectFired(path: string, now: Sighting): void {
    for (const { seen, fired } of this.#watches.get(path) ?? []) {
      if (fired === 0 && !same(seen, now)) {
        this.violations.push(
          `${this.#name} lost a watch on ${path}, set at ${text(seen)}, which is now at ${text(now)}`,
        );
      }
    }
  }
}

const hex = (zxid: number): string => zxid.toString(16);
const same = (left: Sighting, right: Sighting): boolean =>
  left === 'absent' || right === 'absent' ? left === right : left.mzxid === right.mzxid;
const text = (sighting: Sighting): string => (sighting === 'absent' ? 'absent' : hex(sighting.mzxid));
