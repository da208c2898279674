/**
 * Gives the memory of large arrays back at once. Left to the collector, they may still be there when the next large ones
 * are made, and peak memory is a matter of chance. They are empty afterwards. Node.js 20 has no
 * `ArrayBuffer.prototype.transfer` yet: there the collector does it.
 */
export function giveBack(...arrays: readonly { readonly buffer: ArrayBufferLike }[]): void {
  if (!('transfer' in ArrayBuffer.prototype)) return;
  for (const { buffer } of arrays) if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
