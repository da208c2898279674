/** `'3'`, `'0-7'` or `'4+'`. */
export type Versions = `${number}` | `${number}-${number}` | `${number}+`;

/** Both ends belong to it; an open range ends at Infinity. */
export type VersionRange = { readonly min: number; readonly max: number };

export function versionRange(text: Versions): VersionRange {
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text);
  if (match === null) throw new Error(`broken assumption: '${text}' is a range of versions`);
  const min = Number(match[1]);
  if (match[2] !== undefined) return { min, max: Number.POSITIVE_INFINITY };
  return { min, max: match[3] === undefined ? min : Number(match[3]) };
}

export const includes = (range: VersionRange | undefined, version: number): boolean =>
  range !== undefined && version >= range.min && version <= range.max;
