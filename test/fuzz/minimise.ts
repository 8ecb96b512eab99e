/** Makes a failing input shorter and plainer while it fails: halves, quarters … single bytes are left out, then bytes become `0`. */
import { fuzzLimits } from './limits.ts';

const PLAIN = 0x30;

export async function minimise(
  input: Uint8Array,
  fails: (candidate: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  let runs = 0;
  const isSpent = () => runs >= fuzzLimits.minimiseRuns.value;
  const isBetter = async (candidate: Uint8Array): Promise<boolean> => {
    runs += 1;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && !isSpent();) {
      const without = new Uint8Array(Buffer.concat([best.subarray(0, at), best.subarray(at + size)]));
      if (!(await isBetter(without))) at += size;
    }
  }
  for (let at = 0; at < best.length && !isSpent(); at += 1) {
    if (best[at] === PLAIN) continue;
    const plainer = best.slice();
    plainer[at] = PLAIN;
    await isBetter(plainer);
  }
  return best;
}
