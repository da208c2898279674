/** Stages shorter than this are not worth a word. */
const quietMs = 1500;
const sayEachMs = 1000;

/** Says on stderr what takes long: redrawn on a terminal with the seconds so far, one line elsewhere. */
export async function stage<Value>(
  what: string,
  work: Promise<Value>,
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
): Promise<Value> {
  const startedMs = performance.now();
  let isSaid = false;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs < quietMs) return;
    if (stream.isTTY) stream.write(`\r\x1b[K${what} ... ${Math.floor(elapsedMs / 1000)} s`);
    else if (!isSaid) stream.write(`${what} ...\n`);
    isSaid = true;
  }, sayEachMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (isSaid && stream.isTTY) stream.write('\r\x1b[K');
  }
}
