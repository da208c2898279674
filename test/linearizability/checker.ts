/**
 * Is there an order of these operations, each taking effect at one moment between its call and its return, that a single
 * copy would have given? The search of Wing and Gong with Lowe's memory of what was tried, as Porcupine does it; one
 * partition (one znode) at a time, since a history is linearizable if that of each object is (Herlihy and Wing).
 *
 * An operation whose outcome is unknown may have taken effect at any time after its call, or never.
 *
 * How it stays small: what has been placed is kept as "all of the first `low`, and these few beyond", so a million
 * operations on one object cost no more memory each than ten. Operations of unknown outcome are placed only where nothing
 * else fits.
 */
export type Operation<Input, Output> = {
  /** In the same unit, of one clock; `returnAt` is Infinity if the outcome is unknown. */
  readonly callAt: number;
  readonly returnAt: number;
  readonly input: Input;
  /** Undefined: the outcome is unknown. */
  readonly output: Output | undefined;
};

export type Model<State, Input, Output> = {
  readonly initial: State;
  /** The state after it, the very same one if it changes nothing; undefined: this output cannot come from this state. Without an output: any will do. */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /** Equal for states that behave equally. */
  key(state: State): string;
};

export type Verdict<Input, Output> =
  | { readonly kind: 'linearizable' }
  /** `operation` returned although nothing before it can be ordered so; `placed` of the known ones could be. */
  | { readonly kind: 'violation'; readonly operation: Operation<Input, Output>; readonly placed: number }
  /** `stepsMax` were not enough. */
  | { readonly kind: 'undecided' };

/** All of the first `low` of the known operations have been placed, and those `beyond`, rising. */
type Placed = { readonly low: number; readonly beyond: readonly number[] };

type Frame<State> = Placed & {
  readonly state: State;
  /** Operations of unknown outcome that have been placed, rising; the same list as a text. */
  readonly guessed: readonly number[];
  readonly guessedKey: string;
  /** What may come next: a place, or -1 - place for one of unknown outcome. */
  readonly candidates: readonly number[];
  next: number;
};

/** @param operations  of one object, in any order */
export function checkObject<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  stepsMax = 20_000_000,
): Verdict<Input, Output> {
  const byCall = (left: Operation<Input, Output>, right: Operation<Input, Output>): number =>
    left.callAt - right.callAt;
  const known = operations.filter(({ output }) => output !== undefined).sort(byCall);
  const unknown = operations.filter(({ output }) => output === undefined).sort(byCall);
  const tried = new Set<string>();
  let steps = 0;
  let furthest = 0;

  /**
   * What changes nothing and fits is placed at once: it stands in nobody's way later. Only changes are choices.
   */
  const frame = (state: State, placed: Placed, guessed: readonly number[], guessedKey: string): Frame<State> => {
    let { low, beyond } = placed;
    for (;;) {
      const candidates = candidatesAt(known, unknown, low, beyond, guessed);
      const quiet = candidates.find((candidate) => {
        if (candidate < 0) return false;
        const { input, output } = known[candidate] as Operation<Input, Output>;
        return model.step(state, input, output) === state;
      });
      if (quiet === undefined) return { state, low, beyond, guessed, guessedKey, candidates, next: 0 };
      steps++;
      ({ low, beyond } = place({ low, beyond }, quiet));
    }
  };

  const stack: Frame<State>[] = [frame(model.initial, { low: 0, beyond: [] }, [], '')];
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as Frame<State>;
    if (top.low === known.length) return { kind: 'linearizable' };
    if (top.low > furthest) furthest = top.low;
    const candidate = top.candidates[top.next];
    if (candidate === undefined) {
      stack.pop();
      continue;
    }
    top.next++;
    if (++steps > stepsMax) return { kind: 'undecided' };
    const operation = (candidate >= 0 ? known[candidate] : unknown[-1 - candidate]) as Operation<Input, Output>;
    const state = model.step(top.state, operation.input, operation.output);
    if (state === undefined) continue;
    let { guessed, guessedKey } = top;
    let placed: Placed = top;
    if (candidate < 0) {
      guessed = [...guessed, -1 - candidate].sort((left, right) => left - right);
      guessedKey = guessed.join(' ');
    } else placed = place(top, candidate);
    const { low, beyond } = placed;
    // Where only one thing could be done there is nothing to come back to, and nothing to remember.
    if (top.candidates.length > 1 || beyond.length > 0) {
      const key = `${low}|${beyond.join(' ')}|${guessedKey}|${model.key(state)}`;
      if (tried.has(key)) continue;
      tried.add(key);
    }
    // Nor is a frame kept that has nothing left to try.
    if (top.next === top.candidates.length) stack.pop();
    stack.push(frame(state, placed, guessed, guessedKey));
  }
  return { kind: 'violation', operation: known[furthest] as Operation<Input, Output>, placed: furthest };
}

function place({ low, beyond }: Placed, candidate: number): Placed {
  if (candidate !== low) return { low, beyond: [...beyond, candidate].sort((left, right) => left - right) };
  let next = low + 1;
  let taken = 0;
  while (beyond[taken] === next) {
    next++;
    taken++;
  }
  return { low: next, beyond: taken === 0 ? beyond : beyond.slice(taken) };
}

/** Everything that was called before the first of the others returned. */
function candidatesAt<Input, Output>(
  known: readonly Operation<Input, Output>[],
  unknown: readonly Operation<Input, Output>[],
  low: number,
  beyond: readonly number[],
  guessed: readonly number[],
): number[] {
  let earliestReturn = Number.POSITIVE_INFINITY;
  const found: number[] = [];
  let skip = 0;
  for (let place = low; place < known.length; place++) {
    const operation = known[place] as Operation<Input, Output>;
    if (operation.callAt > earliestReturn) break;
    if (beyond[skip] === place) {
      skip++;
      continue;
    }
    found.push(place);
    if (operation.returnAt < earliestReturn) earliestReturn = operation.returnAt;
  }
  let guess = 0;
  for (let place = 0; place < unknown.length; place++) {
    if ((unknown[place] as Operation<Input, Output>).callAt > earliestReturn) break;
    if (guessed[guess] === place) guess++;
    else found.push(-1 - place);
  }
  return found.filter(
    (candidate) => candidate < 0 || (known[candidate] as Operation<Input, Output>).callAt <= earliestReturn,
  );
}
