/**
 * What was looked for here lately and not found: who asked, so that they can be told when the block comes by, and which peers had
 * it not, so that a second try goes another way (docs/spec/load.md, 7).
 *
 * It refuses nothing: a memory of failures that refuses feeds itself. It holds nothing that the owner asked for, nothing of a search that
 * succeeded, and of what a link has brought by the stem what failed for this link alone: nobody else's requests go other ways by it. It knows links, which are never used twice, not identities.
 *
 * Invariants: at most `failureKeys` keys with `failureLinks` askers, failures and offers each; whatever is asked, nothing older than
 * `failureKeepMs` is told, and by the next call after twice that time it is gone from memory.
 */
import { type RoutingKey, type Salt, toText } from '../keys/index.ts';
import { loadLimits } from './load/limits.ts';
import { LOCAL_LINK, type LinkId } from './peer.ts';

/** One place of a key. */
export interface Place {
  readonly key: RoutingKey;
  readonly salt: Salt;
  /** Apart from what all others look for: of what this link has brought by the stem. */
  readonly by?: LinkId;
}

export interface Failure {
  readonly link: LinkId;
  readonly at: number;
}

interface Entry {
  /** Each with the time of the last one, the oldest first. */
  readonly askers: Map<LinkId, number>;
  readonly failures: Map<LinkId, number>;
  readonly offers: Map<LinkId, number>;
}

export class FailureTable {
  /** Two generations: who is touched moves to the young one, and the old one goes as a whole. */
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();
  #turnAt: number | undefined;
  /** A timer is set for it. */
  #isForgetting = false;

  /** Keys remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** A peer's greedy fetch ended here without the block. */
  asked(place: Place, { link, now }: { link: LinkId; now: number }): void {
    // What the owner asks for leaves no trace that a peer could ask after.
    if (link !== LOCAL_LINK) remember(this.#open(place, now).askers, { link, now });
  }

  /** A peer searched for a greedy request of a peer and did not find. */
  failed(place: Place, { link, now }: { link: LinkId; now: number }): void {
    const entry = this.#open(place, now);
    remember(entry.failures, { link, now });
    entry.offers.delete(link);
  }

  /**
   * A peer says that it has the block now.
   * @returns those who asked here, to be told as well, once; undefined when the peer was not asked lately: it is to be ignored.
   */
  offered(place: Place, { link, now }: { link: LinkId; now: number }): LinkId[] | undefined {
    const entry = this.#find(place, now);
    if (entry === undefined || !isFresh(entry.failures.get(link), now)) return undefined;
    remember(entry.offers, { link, now });
    return this.#takeAskers(entry, { now, except: link });
  }

  /** The block came by and can be given out: everything about it is forgotten. */
  found(
    place: Place,
    { from, now }: { from: LinkId; now: number },
  ): { readonly askers: LinkId[]; readonly failures: Failure[] } {
    const entry = this.#find(place, now);
    if (entry === undefined) return { askers: [], failures: [] };
    const failures = freshOf(entry.failures, { now, keepMs: loadLimits.failureKeepMs.value });
    const askers = this.#takeAskers(entry, { now, except: from });
    this.#young.delete(nameOf(place));
    return { askers, failures: failures.map(([link, at]) => ({ link, at })) };
  }

  /** Who is to be asked first. */
  offersOf(place: Place, now: number): ReadonlySet<LinkId> {
    const entry = this.#find(place, now);
    if (entry === undefined || entry.offers.size === 0) return NOBODY;
    const offers = freshOf(entry.offers, { now, keepMs: loadLimits.failureKeepMs.value });
    return new Set(offers.map(([link]) => link));
  }

  /** Who is to be asked last, because it had the block not a short time ago. */
  avoided(place: Place, now: number): ReadonlySet<LinkId> {
    const entry = this.#find(place, now);
    if (entry === undefined || entry.failures.size === 0) return NOBODY;
    const failures = freshOf(entry.failures, { now, keepMs: loadLimits.failureAvoidMs.value });
    return new Set(failures.map(([link]) => link).filter((link) => !entry.offers.has(link)));
  }

  /** When this peer last searched for it in vain. */
  failedAt(place: Place, { link, now }: { link: LinkId; now: number }): number | undefined {
    const at = this.#find(place, now)?.failures.get(link);
    return isFresh(at, now) ? at : undefined;
  }

  /** When `forget` next has something to do; undefined when nothing is remembered. */
  get forgetsAt(): number | undefined {
    return this.size === 0 ? undefined : this.#turnAt;
  }

  /** Sets a timer to forget, unless one is set: a node that nobody asks for anything must forget, too. */
  forgetLater(desk: { readonly now: number; setTimer(at: number, fired: () => void): unknown }): void {
    const at = this.#isForgetting ? undefined : this.forgetsAt;
    if (at === undefined) return;
    this.#isForgetting = true;
    desk.setTimer(at, () => {
      this.#isForgetting = false;
      this.forget(desk.now);
    });
  }

  /** Drops what has been kept long enough. Every other call does so too; a node that is asked for nothing calls this one. */
  forget(now: number): void {
    const { failureKeepMs, failureKeys } = loadLimits;
    this.#turnAt ??= now + failureKeepMs.value;
    if (now >= this.#turnAt + failureKeepMs.value) this.#young.clear();
    if (now < this.#turnAt && this.#young.size < failureKeys.value / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#turnAt = now + failureKeepMs.value;
  }

  #takeAskers(entry: Entry, { now, except }: { now: number; except: LinkId }): LinkId[] {
    const askers = freshOf(entry.askers, { now, keepMs: loadLimits.failureKeepMs.value });
    entry.askers.clear();
    return askers.map(([link]) => link).filter((link) => link !== except);
  }

  #find(place: Place, now: number): Entry | undefined {
    this.forget(now);
    // Most nodes remember nothing most of the time, and each hop of each search asks.
    if (this.size === 0) return undefined;
    const name = nameOf(place);
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old === undefined) return undefined;
    this.#old.delete(name);
    this.#young.set(name, old);
    return old;
  }

  #open(place: Place, now: number): Entry {
    const known = this.#find(place, now);
    if (known !== undefined) return known;
    // A new beginning, so that one timer is enough until all is forgotten.
    if (this.size === 0) this.#turnAt = now + loadLimits.failureKeepMs.value;
    const entry: Entry = { askers: new Map(), failures: new Map(), offers: new Map() };
    this.#young.set(nameOf(place), entry);
    return entry;
  }
}

const NOBODY: ReadonlySet<LinkId> = new Set();

function nameOf({ key, salt, by }: Place): string {
  return by === undefined ? toText(key) + salt : `${toText(key)}${salt}/${by}`;
}

function remember(links: Map<LinkId, number>, { link, now }: { link: LinkId; now: number }): void {
  links.delete(link);
  links.set(link, now);
  const [oldest] = links.keys();
  if (links.size > loadLimits.failureLinks.value && oldest !== undefined) links.delete(oldest);
}

function isFresh(at: number | undefined, now: number): boolean {
  return at !== undefined && now - at < loadLimits.failureKeepMs.value;
}

function freshOf(
  links: ReadonlyMap<LinkId, number>,
  age: { now: number; keepMs: number },
): [LinkId, number][] {
  return [...links].filter(([, at]) => age.now - at < age.keepMs);
}
