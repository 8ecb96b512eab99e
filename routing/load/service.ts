/**
 * What each peer has usefully done for this node, and what it has had: from this comes its weight in the fair queue
 * (docs/spec/load.md, 2). Useful is a block that was asked for and belongs to its key, and nothing that a peer can merely claim.
 *
 * It knows identities, not links: who comes back does not get a second grant. The owner has no account: own requests have
 * weight 1, the median, whatever the owner does.
 *
 * Invariant: `weightLeast` ≤ weight ≤ `weightMost`; at least 1 while the grant lasts; at most `accountsKept` accounts.
 */
import { loadLimits } from './limits.ts';

interface Account {
  /** Blocks that this peer brought, and blocks that it was given; both halve in `serviceHalfLifeMs`. */
  served: number;
  taken: number;
  at: number;
  isLinked: boolean;
}

export class ServiceLedger {
  /** In the order of being linked; the first one was longest ago. */
  readonly #accounts = new Map<string, Account>();
  /** Of what linked peers have served, as it was then; all halve alike. Each request asks for it, and few things change it. */
  #median: { readonly served: number; readonly at: number } | undefined;

  get size(): number {
    return this.#accounts.size;
  }

  linked(identity: string, now: number): void {
    this.#median = undefined;
    const account = this.#accounts.get(identity) ?? { served: 0, taken: 0, at: now, isLinked: true };
    account.isLinked = true;
    this.#accounts.delete(identity);
    this.#accounts.set(identity, account);
    const [oldest] = this.#accounts.keys();
    if (this.#accounts.size > loadLimits.accountsKept.value && oldest !== undefined)
      this.#accounts.delete(oldest);
  }

  unlinked(identity: string): void {
    this.#median = undefined;
    const account = this.#accounts.get(identity);
    if (account !== undefined) account.isLinked = false;
  }

  /** The peer brought a block that was asked for and belongs to its key. */
  served(identity: string, now: number): void {
    const account = this.#current(identity, now);
    if (account === undefined) return;
    account.served += 1;
    this.#median = undefined;
  }

  /** A request of the peer has used this many blocks' worth of this node. */
  took(identity: string, what: { blocks: number; now: number }): void {
    const account = this.#current(identity, what.now);
    if (account !== undefined) account.taken += what.blocks;
  }

  /** In units of the median linked peer. */
  weightOf(identity: string, now: number): number {
    const account = this.#current(identity, now);
    const { weightLeast, weightMost, grantBlocks } = loadLimits;
    if (account === undefined) return weightLeast.value;
    const share = account.served / this.#medianServed(now);
    const least = account.taken < grantBlocks.value ? 1 : weightLeast.value;
    return Math.min(weightMost.value, Math.max(least, share));
  }

  #current(identity: string, now: number): Account | undefined {
    const account = this.#accounts.get(identity);
    if (account !== undefined) decay(account, now);
    return account;
  }

  /** At least one block, so that in a young network all are alike. */
  #medianServed(now: number): number {
    this.#median ??= { served: this.#reckonMedian(now), at: now };
    return Math.max(1, this.#median.served * halving(now - this.#median.at));
  }

  #reckonMedian(now: number): number {
    const served: number[] = [];
    for (const account of this.#accounts.values()) {
      if (!account.isLinked) continue;
      decay(account, now);
      served.push(account.served);
    }
    served.sort((a, b) => a - b);
    return served[Math.floor(served.length / 2)] ?? 0;
  }
}

function decay(account: Account, now: number): void {
  if (account.at === now) return;
  const halved = halving(now - account.at);
  account.served *= halved;
  account.taken *= halved;
  account.at = now;
}

function halving(ms: number): number {
  return 2 ** (-ms / loadLimits.serviceHalfLifeMs.value);
}
