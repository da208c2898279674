import * as quorum from '../../../src/quorum/index.ts';
import { simulate } from './simulation.ts';

const from = Number(process.argv[2] ?? 1),
  n = Number(process.argv[3] ?? 100);
const t = performance.now();
let ev = 0,
  fails = 0;
const kinds: Record<string, number> = {};
const sum = { committed: 0, elections: 0, crashes: 0, snapshotsInstalled: 0, votersChanged: 0, readsAnswered: 0 };
for (let s = from; s < from + n; s++) {
  const o = simulate(quorum, s);
  ev += o.events;
  for (const k in sum) sum[k as 'committed'] += o[k as 'committed'];
  if (o.failure) {
    fails++;
    kinds[o.failure.invariant] = (kinds[o.failure.invariant] ?? 0) + 1;
    if (fails <= 5) console.log(s, o.failure);
  }
}
console.log({ fails, kinds, ev, ms: performance.now() - t, ...sum });
