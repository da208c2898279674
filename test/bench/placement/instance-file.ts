import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';

/**
 * Arrays from this size on lie behind the head as they are, and are read to where they stay: an instance that lies in
 * memory twice would be counted as the planner's.
 */
const apartBytes = 1 << 16;

type Apart = { readonly apart: string; readonly bytes: number };
type Typed = Int32Array | Uint32Array | Uint16Array | Uint8Array | Float32Array | Float64Array;
const kinds = { Int32Array, Uint32Array, Uint16Array, Uint8Array, Float32Array, Float64Array } as const;

/** Writes an object whose large fields are typed arrays. */
export function writeInstance(path: string, instance: object): void {
  const arrays: Typed[] = [];
  const head = serialize(
    Object.fromEntries(
      Object.entries(instance).map(([name, value]) => {
        if (!ArrayBuffer.isView(value) || value.byteLength < apartBytes) return [name, value];
        const kind = value.constructor.name;
        if (!(kind in kinds)) throw new Error(`${name} is a ${kind}, which an instance's file does not have`);
        arrays.push(value as Typed);
        return [name, { apart: kind, bytes: value.byteLength } satisfies Apart];
      }),
    ),
  );
  const file = openSync(path, 'w');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  for (const bytes of [length, head, ...arrays]) writeFileSync(file, bytes);
  closeSync(file);
}

/** Reads what `writeInstance` wrote. */
export function readInstance(path: string): object {
  const file = openSync(path, 'r');
  const read = (into: Uint8Array): void => {
    for (let at = 0; at < into.length; ) {
      const count = readSync(file, into, at, into.length - at, null);
      if (count === 0) throw new Error(`${path} ends too early`);
      at += count;
    }
  };
  const length = Buffer.alloc(4);
  read(length);
  const head = Buffer.alloc(length.readUInt32LE());
  read(head);
  const instance = Object.fromEntries(
    Object.entries(deserialize(head) as Record<string, unknown>).map(([name, value]) => {
      if (typeof value !== 'object' || value === null || !('apart' in value)) return [name, value];
      const { apart, bytes } = value as Apart;
      const room = new Uint8Array(bytes);
      read(room);
      return [name, new kinds[apart as keyof typeof kinds](room.buffer)];
    }),
  );
  closeSync(file);
  return instance;
}
