/**
 * What one session may expect of plain reads and watches, checked as its answers come: what it sees of a path never goes
 * back; a watch tells of a change before any answer shows it, once, and is not lost.
 */
export type Sighting = { readonly mzxid: number } | 'absent';

type Watched = { readonly seen: Sighting; fired: number };

export class SessionObserver {
  readonly violations: string[] = [];
  readonly #name: string;
  readonly #newest = new Map<string, number>();
  /** Watches that were set and have not fired. */
  readonly #watches = new Map<string, Watched[]>();
  watchesSet = 0;
  watchesFired = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** In the order of the answers. */
  saw(path: string, sighting: Sighting): void {
    if (sighting !== 'absent') {
      const newest = this.#newest.get(path) ?? 0;
      if (sighting.mzxid < newest) {
        this.violations.push(
          `${this.#name} read ${path} at ${sighting.mzxid.toString(16)} after ${newest.toString(16)}`,
        );
      } else this.#newest.set(path, sighting.mzxid);
    }
    for (const watched of this.#watches.get(path) ?? []) {
      if (watched.fired === 0 && !same(watched.seen, sighting)) {
        this.violations.push(
          `${this.#name} saw ${path} change from ${text(watched.seen)} to ${text(sighting)} before its watch told`,
        );
      }
    }
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
    };
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

const same = (left: Sighting, right: Sighting): boolean =>
  left === 'absent' || right === 'absent' ? left === right : left.mzxid === right.mzxid;
const text = (sighting: Sighting): string => (sighting === 'absent' ? 'absent' : sighting.mzxid.toString(16));
