/** Loaded into a server with `--import`: tells its parent, when asked, how long its event loop stood still at most. */
let last = performance.now();
let longestMs = 0;

// A timer of a millisecond is late by what the loop stood still. Not `monitorEventLoopDelay`: its clock has steps.
const look = (): void => {
  const now = performance.now();
  if (now - last > longestMs) longestMs = now - last;
  last = now;
};
setInterval(look, 1).unref();
process.on('message', () => {
  look();
  process.send?.(longestMs);
  longestMs = 0;
});
process.channel?.unref();
