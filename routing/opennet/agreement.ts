/**
 * Which links count: both ends say whether they want each other, and a link is confirmed while both last said so
 * (docs/spec/peers.md, 2).
 *
 * Whom to want is policy.ts; this keeps the words and the courtesy of a link that nobody wants any more: it stays open for a while, so
 * that a full node can still be a seed and that what is in work comes to its end.
 *
 * Invariant: a link is confirmed in the peer table exactly while it is a friend's or both words are `wanted`. When a link gets
 * confirmed it is wanted as the table stands at that moment, so there are never more than `peers` confirmed strangers. A link
 * that is not confirmed is closed in the end.
 */
import type { Token } from '../effect.ts';
import type { Candidate, LinkId, Peer } from '../peer.ts';
import type { PeerView } from '../peers.ts';
import type { OpennetOptions, PeerDesk } from './desk.ts';
import { wantsGuest } from './guests.ts';
import { opennetLimits } from './limits.ts';
import { type Wanted, wants } from './policy.ts';

type Word = 'wanted' | 'unwanted';
type Judgement = Wanted & { readonly isGuest: boolean };

interface Pact {
  readonly link: LinkId;
  readonly peer: Peer;
  ours: Word | undefined;
  theirs: Word | undefined;
  confirmed: boolean;
  /** Closes the link; undefined while it is confirmed. */
  courtesy: Token | undefined;
  /** Who it says it is, once it has. */
  candidate: Candidate | undefined;
  /** It has one of the places for those who can't be dialled. */
  isGuest: boolean;
  /** This end has wanted it: after that it can only drop it. */
  wasWanted: boolean;
  /** Words that were heard. */
  words: number;
}

export interface AgreementHooks {
  /** The link counts from now on. */
  confirmed(link: LinkId, peer: Peer): void;
  /** It no longer does, or is gone. */
  lost(link: LinkId, peer: Peer): void;
  /** The other end does not want it. */
  refused(peer: Peer): void;
  /** Whether it is to stay up although nobody wants it (docs/spec/stem.md, 2). */
  holds(link: LinkId): boolean;
}

const NO_BYTES = new Uint8Array(0);

export class Agreement {
  readonly #desk: PeerDesk;
  readonly #options: OpennetOptions | undefined;
  readonly #hooks: AgreementHooks;
  readonly #pacts = new Map<LinkId, Pact>();
  readonly #links = new Map<string, LinkId>();
  #unconfirmed = 0;

  /** Without options every link that the host brings up is wanted. */
  constructor(desk: PeerDesk, options: OpennetOptions | undefined, hooks: AgreementHooks) {
    this.#desk = desk;
    this.#options = options;
    this.#hooks = hooks;
  }

  /** Confirmed peers that are not friends. */
  get confirmed(): number {
    let count = 0;
    for (const pact of this.#pacts.values()) if (pact.confirmed && pact.peer.tie !== 'friend') count += 1;
    return count;
  }

  linkOf(identity: string): LinkId | undefined {
    return this.#links.get(identity);
  }

  peerOf(link: LinkId): Peer | undefined {
    return this.#pacts.get(link)?.peer;
  }

  /** The reference that the peer has shown; a friend shows none. */
  candidateOf(link: LinkId): Candidate | undefined {
    return this.#pacts.get(link)?.candidate;
  }

  isConfirmed(link: LinkId): boolean {
    return this.#pacts.get(link)?.confirmed ?? false;
  }

  isFriend(link: LinkId): boolean {
    return this.#pacts.get(link)?.peer.tie === 'friend';
  }

  /**
   * Everybody who has a place: friends, the confirmed, and those who are wanted and have not answered yet. Not the friends that greedy
   * requests don't go to: they fill no hole.
   */
  held(): PeerView[] {
    const views = this.#desk.peers.views(this.#desk.now);
    return views.filter(({ link, isEdge }) => !isEdge && isHeld(this.#pacts.get(link)));
  }

  /** Those of them who take a place that a stranger could have. */
  get taken(): number {
    let count = 0;
    for (const pact of this.#pacts.values())
      if (pact.peer.tie === 'stranger' && !pact.isGuest && isHeld(pact)) count += 1;
    return count;
  }

  wouldHave(candidate: Candidate): boolean {
    const link = this.#links.get(candidate.identity);
    if (link !== undefined && this.isFriend(link)) return false;
    return this.#judge(candidate, { cost: undefined, dialable: candidate.dialable }, this.held()).wanted;
  }

  /** `known`: who was dialled. Who has called is not judged before it has shown its reference. */
  up(link: LinkId, peer: Peer, known: Candidate | undefined): void {
    const isFriend = peer.tie === 'friend';
    const pact: Pact = {
      link,
      peer,
      ours: undefined,
      theirs: undefined,
      confirmed: isFriend,
      courtesy: undefined,
      candidate: undefined,
      isGuest: false,
      wasWanted: false,
      words: 0,
    };
    this.#pacts.set(link, pact);
    this.#links.set(peer.identity, link);
    if (isFriend) {
      this.#hooks.confirmed(link, peer);
      return;
    }
    this.#unconfirmed += 1;
    if (this.#unconfirmed > opennetLimits.courtesyLinks.value) {
      this.#desk.closeLink(link);
      return;
    }
    this.#startCourtesy(pact);
    pact.candidate = known;
    if (known !== undefined || this.#options === undefined || peer.tie !== 'stranger') this.#sayFirst(pact);
  }

  down(link: LinkId): void {
    const pact = this.#pacts.get(link);
    if (pact === undefined) return;
    this.#pacts.delete(link);
    if (this.#links.get(pact.peer.identity) === link) this.#links.delete(pact.peer.identity);
    if (pact.courtesy !== undefined) this.#desk.cancelTimer(pact.courtesy);
    if (pact.confirmed) {
      pact.confirmed = false;
      this.#hooks.lost(link, pact.peer);
    } else {
      this.#unconfirmed -= 1;
    }
    this.#review();
  }

  heard(link: LinkId, word: Word, reference: Uint8Array): void {
    const pact = this.#pacts.get(link);
    // A friend is one without words. Nor does a link count that is being closed because there are too many.
    if (pact === undefined || pact.peer.tie === 'friend' || (pact.courtesy === undefined && !pact.confirmed))
      return;
    pact.words += 1;
    if (pact.words > opennetLimits.wordsPerLink.value) {
      this.#desk.verdict(link, 'violation');
      return;
    }
    if (word === 'wanted' && !this.#reads(pact, reference)) return;
    pact.theirs = word;
    if (pact.ours === undefined) this.#sayFirst(pact);
    if (word === 'wanted') {
      this.#settle(pact);
      return;
    }
    if (pact.confirmed) this.#unconfirm(pact);
    this.#hooks.refused(pact.peer);
    this.#review();
  }

  /** The peer goes for another one, and leaves no place behind. Nothing more is asked on its link. */
  #drop(link: LinkId): void {
    const pact = this.#pacts.get(link);
    if (pact === undefined || pact.ours !== 'wanted') return;
    this.#say(pact, 'unwanted');
    if (pact.confirmed) this.#unconfirm(pact);
  }

  /** Somebody has gone: who was unwanted a moment ago may have the free place. */
  #review(): void {
    for (const pact of this.#pacts.values()) {
      if (pact.theirs !== 'wanted' || !mayWant(pact)) continue;
      const wanted = this.#judgePact(pact, this.held());
      // Nobody else is dropped for it: two that were would take turns.
      if (!wanted.wanted || wanted.victim !== undefined) continue;
      this.#say(pact, 'wanted');
      this.#settle(pact);
    }
  }

  /** Both want each other, and the table has not changed so that this end no longer does: then the link counts. */
  #settle(pact: Pact): void {
    if (pact.confirmed || pact.theirs !== 'wanted') return;
    if (pact.ours !== 'wanted' && !mayWant(pact)) return;
    const others = this.held().filter(({ link }) => link !== pact.link);
    const wanted = this.#judgePact(pact, others);
    if (!wanted.wanted) {
      if (pact.ours === 'wanted') this.#say(pact, 'unwanted');
      return;
    }
    if (pact.ours !== 'wanted') this.#say(pact, 'wanted');
    pact.confirmed = true;
    pact.isGuest = wanted.isGuest;
    this.#unconfirmed -= 1;
    if (pact.courtesy !== undefined) this.#desk.cancelTimer(pact.courtesy);
    pact.courtesy = undefined;
    this.#desk.peers.confirm(pact.link);
    if (wanted.victim !== undefined) this.#drop(wanted.victim);
    this.#hooks.confirmed(pact.link, pact.peer);
  }

  #unconfirm(pact: Pact): void {
    pact.confirmed = false;
    this.#unconfirmed += 1;
    this.#desk.peers.unconfirm(pact.link);
    this.#startCourtesy(pact);
    this.#hooks.lost(pact.link, pact.peer);
  }

  #judgePact({ peer, candidate }: Pact, held: readonly PeerView[]): Judgement {
    if (this.#options === undefined || peer.tie !== 'stranger') return { wanted: true, isGuest: false };
    return this.#judge(peer, { cost: peer.cost, dialable: candidate?.dialable ?? true }, held);
  }

  /** Who can't be dialled gets a place of those first: the others are for everybody. */
  #judge(
    node: Pick<Peer, 'identity' | 'location' | 'group' | 'site'>,
    { cost, dialable }: { cost: number | undefined; dialable: boolean },
    held: readonly PeerView[],
  ): Judgement {
    const own = this.#desk.location;
    const guests: PeerView[] = [];
    const others: PeerView[] = [];
    for (const view of held) (this.#isGuest(view.link) ? guests : others).push(view);
    if (!dialable && this.#options?.own().dialable === true) {
      const asGuest = wantsGuest(node, { own, guests, others });
      if (asGuest.wanted) return { ...asGuest, isGuest: true };
    }
    // A guest may be of the site: two of one site would be one operator's.
    if (guests.some(({ peer }) => peer.site === node.site)) return { wanted: false, isGuest: false };
    const silence = this.#desk.peers.silenceOf(node.identity, this.#desk.now);
    return { ...wants({ ...node, cost, silence }, { own, peers: others }), isGuest: false };
  }

  #isGuest(link: LinkId): boolean {
    return this.#pacts.get(link)?.isGuest ?? false;
  }

  #sayFirst(pact: Pact): void {
    const { wanted, isGuest } = this.#judgePact(pact, this.held());
    pact.isGuest = wanted && isGuest;
    this.#say(pact, wanted ? 'wanted' : 'unwanted');
  }

  /** False when the peer shows the reference of somebody else, which no honest node does. */
  #reads(pact: Pact, reference: Uint8Array): boolean {
    if (this.#options === undefined || reference.length === 0) return true;
    const candidate = this.#options.readReference(reference);
    // It may be of a later form: a peer that can't be introduced to others, nothing worse.
    if (candidate === undefined) return true;
    if (candidate.identity !== pact.peer.identity) {
      this.#desk.verdict(pact.link, 'violation');
      return false;
    }
    pact.candidate = candidate;
    return true;
  }

  #say(pact: Pact, word: Word): void {
    pact.ours = word;
    if (word === 'wanted') pact.wasWanted = true;
    this.#desk.send(
      pact.link,
      word === 'unwanted'
        ? { type: word }
        : { type: word, reference: this.#options?.own().reference ?? NO_BYTES },
    );
  }

  #startCourtesy(pact: Pact): void {
    pact.courtesy = this.#desk.setTimer(this.#desk.now + opennetLimits.courtesyMs.value, () => {
      pact.courtesy = undefined;
      if (this.#hooks.holds(pact.link)) this.#startCourtesy(pact);
      else this.#desk.closeLink(pact.link);
    });
  }
}

/** Confirmed, or wanted and yet to answer. */
function isHeld(pact: Pact | undefined): boolean {
  return pact !== undefined && (pact.confirmed || (pact.ours === 'wanted' && pact.theirs === undefined));
}

/** Who was refused may be wanted later; who was dropped is not, or two would take turns with one place. */
function mayWant({ ours, wasWanted }: Pact): boolean {
  return ours === 'unwanted' && !wasWanted;
}
