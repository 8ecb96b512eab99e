/**
 * Telling those who have asked for a block in vain that it can be had now (docs/spec/load.md, 7). An offer moves nothing: who still wants
 * the block asks again, and asks whoever has offered it first.
 *
 * It knows no owner: what the owner asks for is neither remembered as asked nor kept, so no offer depends on it.
 *
 * Invariant: who has asked is told at most once for it, and not at the moment at which the block came by.
 */
import type { Desk } from './desk.ts';
import type { Place } from './failure-table.ts';
import { loadLimits } from './load/limits.ts';
import { fraction } from './opennet/desk.ts';
import type { LinkId } from './peer.ts';

/** A peer says that it has the block, or knows who has. What was not asked of it lately is ignored. */
export function heardOffer(desk: Desk, { key, salt }: Place, from: LinkId): void {
  const askers = desk.failures.offered({ key, salt }, { link: from, now: desk.now });
  if (askers !== undefined) offer(desk, { key, salt }, askers);
}

export function offer(desk: Desk, { key, salt }: Place, askers: readonly LinkId[]): void {
  for (const asker of askers) {
    const afterMs = fraction(desk.random) * loadLimits.offerDelayMs.value;
    desk.setTimer(desk.now + afterMs, () => {
      if (desk.peers.isConfirmed(asker)) desk.send(asker, { type: 'offered', key, salt });
    });
  }
}
