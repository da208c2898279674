/**
 * Loaded into a server with `--import`: tells its parent, when asked, how long its event loop stood still at most. By the
 * clock, and by the processor time of the loop's own thread, which does not count what other processes took from it.
 */
const processorMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

let last = { clockMs: performance.now(), processorMs: processorMs() };
let longest = { clockMs: 0, processorMs: 0 };

// A timer of a millisecond is late by what the loop stood still. Not `monitorEventLoopDelay`: its clock has steps.
function look(): void {
  const now = { clockMs: performance.now(), processorMs: processorMs() };
  longest = {
    clockMs: Math.max(longest.clockMs, now.clockMs - last.clockMs),
    processorMs: Math.max(longest.processorMs, now.processorMs - last.processorMs),
  };
  last = now;
}

setInterval(look, 1).unref();
process.on('message', () => {
  look();
  process.send?.(longest);
  longest = { clockMs: 0, processorMs: 0 };
});
process.channel?.unref();
