/** How often the owner's requests may go out to begin with, and at most (docs/spec/stem.md, 6). */
import type { LoadOptions } from '../door.ts';
import { routingLimits } from '../limits.ts';
import type { NetworkParams } from '../network.ts';
import { stemLimits } from './limits.ts';

/** Requests a second. */
export function ownRates(options: { readonly load?: LoadOptions; readonly params: NetworkParams }): {
  readonly first: number;
  readonly most: number;
} {
  const { upBytesPerSecond: up = Infinity, downBytesPerSecond: down = Infinity } = options.load ?? {};
  const { stemShare, ownRateFirst, ownRateLeast, ownRateMost } = stemLimits;
  const line = (Math.min(up, down) / routingLimits.messageBytes.value) * stemShare.value;
  const most = Math.max(ownRateLeast.value, Math.min(ownRateMost.value, line));
  // Where nobody hides nobody need wait.
  const first = line < Infinity || options.params.traceable ? most : ownRateFirst.value;
  return { first: Math.min(first, most), most };
}
