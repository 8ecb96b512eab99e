/**
 * Seeks of others (docs/spec/peers.md, 5): this node passes one on to one neighbour, hands back what that one offers, and at the end
 * adds itself if it would have the seeker.
 *
 * It never tries a second neighbour: one seek causes at most as many messages as its HTL, whatever anybody answers. It does not look at
 * the offers of others; the seeker does.
 *
 * Invariant: every seek that is taken is ended once, unless its link is gone; tables are bounded; a uid is passed on greedily once and
 * offered to once.
 */
import type { Token } from '../effect.ts';
import type { Seek, SeekId } from '../messages.ts';
import type { Candidate, LinkId } from '../peer.ts';
import { SeenUids } from '../seen.ts';
import { Allowance } from './allowance.ts';
import type { Asker, Asks, SeekReply } from './asks.ts';
import type { OpennetOptions, PeerDesk } from './desk.ts';
import { opennetLimits } from './limits.ts';
import { type Sought, greedyStep, randomStep } from './seek-way.ts';

interface Relayed {
  readonly from: LinkId;
  readonly id: SeekId;
  readonly seek: Seek;
  readonly seeker: Candidate;
  /** Whether this node has not offered itself to this uid before. */
  readonly mayOffer: boolean;
  /** Where it was passed on to. */
  down: { readonly link: LinkId; readonly id: SeekId } | undefined;
  offersLeft: number;
  patience: Token | undefined;
}

interface Neighbour {
  readonly open: Map<SeekId, Relayed>;
  readonly allowance: Allowance;
}

export interface RelayHooks {
  /** Whether this node would have the seeker as a peer. */
  wants(seeker: Candidate): boolean;
  /** Only the seeker can be dialled. */
  dial(seeker: Candidate): void;
}

export class SeekRelay {
  readonly #desk: PeerDesk;
  readonly #options: OpennetOptions;
  readonly #asks: Asks;
  readonly #hooks: RelayHooks;
  readonly #neighbours = new Map<LinkId, Neighbour>();
  readonly #taken = seekUids();
  readonly #passed = seekUids();
  #inWork = 0;

  constructor(desk: PeerDesk, options: OpennetOptions, parts: { asks: Asks; hooks: RelayHooks }) {
    this.#desk = desk;
    this.#options = options;
    this.#asks = parts.asks;
    this.#hooks = parts.hooks;
  }

  heard(from: LinkId, seek: Seek): void {
    const neighbour = this.#neighbour(from);
    if (neighbour.open.has(seek.id)) {
      this.#desk.verdict(from, 'violation');
      return;
    }
    const seeker = this.#admit(neighbour, seek);
    if (seeker === undefined) {
      this.#desk.send(from, { type: 'seekEnd', id: seek.id });
      return;
    }
    const { now } = this.#desk;
    const relayed: Relayed = {
      from,
      id: seek.id,
      seek,
      seeker,
      mayOffer: this.#taken.accept(seek.uid, now),
      down: undefined,
      offersLeft: opennetLimits.seekOffers.value,
      patience: undefined,
    };
    // Nothing has to be kept until an answer: it is in work from now on as far as others are concerned.
    if (relayed.mayOffer) this.#taken.answered(seek.uid, now);
    neighbour.open.set(seek.id, relayed);
    this.#inWork += 1;
    this.#passOn(relayed);
  }

  down(link: LinkId): void {
    const neighbour = this.#neighbours.get(link);
    this.#neighbours.delete(link);
    for (const relayed of neighbour?.open.values() ?? []) this.#release(relayed);
  }

  /** Who seeks, if that may be passed on. What costs least is looked at first. */
  #admit({ open, allowance }: Neighbour, seek: Seek): Candidate | undefined {
    const { seeksPerLink, seeks } = opennetLimits;
    if (!allowance.take(this.#desk.now)) return undefined;
    if (open.size >= seeksPerLink.value || this.#inWork >= seeks.value) return undefined;
    if (!this.#options.isPaid(seek.reference, seek.proof)) return undefined;
    return this.#options.readReference(seek.reference);
  }

  #passOn(relayed: Relayed): void {
    const { seek, seeker, from } = relayed;
    const htl = Math.min(seek.htl, opennetLimits.seekHtl.value) - 1;
    if (htl <= 0) {
      this.#end(relayed);
      return;
    }
    const sought: Sought = {
      target: seek.target,
      identity: seeker.identity,
      location: seeker.location,
      from,
      isHopeless: !seeker.dialable && !this.#options.own().dialable,
    };
    const walk = Math.min(seek.walk, opennetLimits.seekWalk.value);
    const step = walk > 0 ? randomStep(this.#desk, sought) : undefined;
    const next = step ?? this.#greedy(relayed, sought);
    if (next === undefined) {
      this.#end(relayed);
      return;
    }
    const asker: Asker = { says: (reply) => this.#downSays(relayed, reply), lost: () => this.#end(relayed) };
    const id = this.#asks.open(next, asker);
    relayed.down = { link: next, id };
    const { now } = this.#desk;
    const patienceMs = opennetLimits.seekHopMs.value * (htl + 1);
    relayed.patience = this.#desk.setTimer(now + patienceMs, () => this.#end(relayed));
    this.#desk.send(next, { ...seek, id, htl, walk: step === undefined ? 0 : walk - 1 });
  }

  /** A seek that comes back here is not sent on the same way again. */
  #greedy({ seek }: Relayed, sought: Sought): LinkId | undefined {
    const { now } = this.#desk;
    if (!this.#passed.accept(seek.uid, now)) return undefined;
    this.#passed.answered(seek.uid, now);
    return greedyStep(this.#desk, sought);
  }

  #downSays(relayed: Relayed, reply: SeekReply): void {
    if (reply.type === 'seekEnd') {
      this.#end(relayed);
    } else if (reply.type === 'seekOffer' && relayed.offersLeft > 1) {
      // The last one is this node's own.
      relayed.offersLeft -= 1;
      this.#desk.send(relayed.from, { type: 'seekOffer', id: relayed.id, reference: reply.reference });
    }
  }

  #end(relayed: Relayed): void {
    const { from, id, seeker } = relayed;
    this.#neighbours.get(from)?.open.delete(id);
    this.#release(relayed);
    if (relayed.mayOffer && this.#hooks.wants(seeker)) {
      const own = this.#options.own();
      if (own.dialable) this.#desk.send(from, { type: 'seekOffer', id, reference: own.reference });
      else if (seeker.dialable) this.#hooks.dial(seeker);
    }
    this.#desk.send(from, { type: 'seekEnd', id });
  }

  #release({ down, patience }: Relayed): void {
    this.#inWork -= 1;
    if (down !== undefined) this.#asks.close(down.link, down.id);
    if (patience !== undefined) this.#desk.cancelTimer(patience);
  }

  #neighbour(link: LinkId): Neighbour {
    let neighbour = this.#neighbours.get(link);
    if (neighbour === undefined) {
      neighbour = { open: new Map(), allowance: new Allowance(opennetLimits.asksPerMinute.value) };
      this.#neighbours.set(link, neighbour);
    }
    return neighbour;
  }
}

function seekUids(): SeenUids {
  return new SeenUids({ keepMs: opennetLimits.seekKeepMs.value, most: opennetLimits.seekUids.value });
}
