/** One copy on its way. */
export type Flow = { readonly source: number; readonly receiver: number };

/** How many bytes per second each broker may send, and receive. */
export type Capacities = { readonly sent: (broker: number) => number; readonly received: (broker: number) => number };

export type Allotment = {
  /** Bytes per second that each source sends. */
  readonly rates: ReadonlyMap<number, number>;
  /** Brokers that the copies leave no room at; the others could do more, if those let them. */
  readonly full: Readonly<Record<keyof Capacities, ReadonlySet<number>>>;
};

/** One direction of one broker. */
type End = { readonly direction: keyof Capacities; readonly broker: number; left: number; open: number };

/** What is left of a capacity counts as nothing below this many bytes per second. */
const leastLeft = 1;

/**
 * Shares out what brokers may send and receive among the copies under way, max-min fair: all grow alike until a broker
 * at one end is full.
 */
export function allot(flows: readonly Flow[], capacities: Capacities): Allotment {
  const ends = new Map<string, End>();
  const endOf = (direction: keyof Capacities, broker: number): End => {
    const key = `${direction} ${broker}`;
    const end = ends.get(key) ?? { direction, broker, left: capacities[direction](broker), open: 0 };
    ends.set(key, end);
    end.open++;
    return end;
  };
  const rates = new Map(flows.map(({ source }) => [source, 0]));
  let open = flows.map(({ source, receiver }) => ({
    source,
    ends: [endOf('sent', source), endOf('received', receiver)],
  }));
  while (open.length > 0) {
    const growing = [...ends.values()].filter((end) => end.open > 0);
    const first = growing.reduce((one, other) => (other.left / other.open < one.left / one.open ? other : one));
    const more = first.left / first.open;
    for (const { source } of open) rates.set(source, rates.get(source)! + more);
    for (const end of growing) end.left -= more * end.open;
    for (const flow of open) if (flow.ends.includes(first)) for (const end of flow.ends) end.open--;
    open = open.filter((flow) => !flow.ends.includes(first));
  }
  const fullOnes = (direction: keyof Capacities): ReadonlySet<number> =>
    new Set(
      [...ends.values()].filter((end) => end.direction === direction && end.left < leastLeft).map((end) => end.broker),
    );
  return { rates, full: { sent: fullOnes('sent'), received: fullOnes('received') } };
}
