/**
 * The face of this folder that the router calls: links that come and go, and the messages about links and peers (docs/spec/peers.md).
 *
 * Agreement and lists are there in every network. Seeks, introductions, folds and joining need references, and so the options; without
 * them a seek is ended at once and nobody is introduced.
 */
import { assertNever } from '../../keys/index.ts';
import type { RouterEvent } from '../event.ts';
import type { IncomingMessage, PeerMessage } from '../messages.ts';
import type { Candidate, LinkId, Peer } from '../peer.ts';
import { Agreement } from './agreement.ts';
import { Asks } from './asks.ts';
import type { OpennetOptions, PeerDesk } from './desk.ts';
import { Dials } from './dials.ts';
import { Folding } from './folding.ts';
import { type JoinStep, Joining } from './joining.ts';
import { Lists } from './lists.ts';
import { Memory } from './memory.ts';
import { Neighbours } from './neighbours.ts';
import { SeekRelay } from './relay.ts';
import { Uplink } from '../uplink.ts';

/** What needs references. */
interface Among {
  readonly dials: Dials;
  readonly relay: SeekRelay;
  readonly neighbours: Neighbours;
  readonly memory: Memory;
  readonly folding: Folding;
  readonly joining: Joining;
  readonly upkeep: 'on' | 'quiet';
}

/** All but what belongs to a request or to the stem. */
type LinkMessage = Exclude<PeerMessage, { readonly type: 'fold' | 'stemLink' }>;

const LINK_MESSAGES: Readonly<Record<LinkMessage['type'], true>> = {
  wanted: true,
  unwanted: true,
  peers: true,
  uplink: true,
  seek: true,
  seekOffer: true,
  seekEnd: true,
  introduce: true,
  introduction: true,
  noIntroduction: true,
};

/** What the stem is told, and says, about links. */
export interface StemLinks {
  readonly confirmed: (link: LinkId) => void;
  readonly lost: (link: LinkId) => void;
  /** Whether it is to stay up although it is no peer's. */
  readonly holds: (link: LinkId) => boolean;
}

export function isLinkMessage(message: IncomingMessage): message is LinkMessage {
  return Object.hasOwn(LINK_MESSAGES, message.type);
}

export class Opennet {
  readonly #desk: PeerDesk;
  readonly #agreement: Agreement;
  readonly #lists: Lists;
  readonly #asks = new Asks();
  readonly uplink: Uplink;
  readonly #among: Among | undefined;
  readonly #options: OpennetOptions | undefined;
  readonly #stem: StemLinks;

  constructor(desk: PeerDesk, options: OpennetOptions | undefined, stem: StemLinks) {
    this.#desk = desk;
    this.#options = options;
    this.#stem = stem;
    this.#lists = new Lists(desk);
    this.uplink = new Uplink({
      desk,
      among: options === undefined ? 'friends' : 'strangers',
      routedChanged: () => this.#lists.routedChanged(),
    });
    this.#agreement = new Agreement(desk, options, {
      confirmed: (link, peer) => this.#confirmed(link, peer),
      lost: (link, peer) => this.#lost(link, peer),
      refused: ({ identity }) => {
        this.#among?.dials.inVain(identity);
        this.#among?.dials.gone(identity);
      },
      holds: stem.holds,
    });
    this.#among = options === undefined ? undefined : this.#makeAmong(options);
  }

  /** For `status`; undefined in a network without strangers. */
  get joining(): JoinStep | undefined {
    return this.#among?.joining.step;
  }

  /** What the peer has shown of itself. */
  candidateOf(link: LinkId): Candidate | undefined {
    return this.#agreement.candidateOf(link);
  }

  /** Who has offered this peer, if anybody has. */
  sourceOf(identity: string): string | undefined {
    return this.#among?.dials.sourceOf(identity);
  }

  /** Dials who was known before, whether it is wanted as a peer or not. */
  call(reference: Uint8Array): void {
    const candidate = this.#options?.readReference(reference);
    if (candidate !== undefined) this.#among?.dials.call(candidate, () => {});
  }

  linkUp(link: LinkId, peer: Peer): void {
    if (this.#among?.upkeep === 'on') this.#among.joining.appeared(peer.identity);
    this.#agreement.up(link, peer, this.#among?.dials.called(peer.identity));
  }

  linkDown(link: LinkId): void {
    const peer = this.#agreement.peerOf(link);
    const broken = this.#agreement.isConfirmed(link) ? this.#agreement.candidateOf(link) : undefined;
    this.#asks.down(link);
    this.#among?.relay.down(link);
    this.#among?.neighbours.down(link);
    this.#agreement.down(link);
    if (peer !== undefined) this.#among?.dials.gone(peer.identity);
    if (broken !== undefined && this.#among?.upkeep === 'on') this.#among.joining.broke(broken);
  }

  candidates({ from, candidates }: Extract<RouterEvent, { type: 'candidates' }>): void {
    if (this.#among === undefined || this.#among.upkeep === 'quiet') return;
    const { memory, joining } = this.#among;
    if (from === 'seeds') {
      joining.seeds(candidates);
    } else {
      memory.restore(candidates);
      if (candidates.length > 0) joining.begin();
    }
  }

  heard(from: LinkId, message: LinkMessage): void {
    switch (message.type) {
      case 'wanted':
        this.#agreement.heard(from, 'wanted', message.reference);
        return;
      case 'unwanted':
        this.#agreement.heard(from, 'unwanted', new Uint8Array(0));
        return;
      case 'peers':
        this.#lists.heard(from, message.list);
        return;
      case 'uplink':
        this.uplink.heard(from, message.value);
        return;
      case 'seek':
        if (this.#among === undefined) this.#desk.send(from, { type: 'seekEnd', id: message.id });
        else this.#among.relay.heard(from, message);
        return;
      case 'introduce':
        if (this.#among === undefined) this.#desk.send(from, { type: 'noIntroduction', id: message.id });
        else this.#among.neighbours.introduce(from, message);
        return;
      case 'seekOffer':
      case 'seekEnd':
      case 'introduction':
      case 'noIntroduction':
        this.#asks.heard(from, message);
        return;
      default:
        assertNever(message);
    }
  }

  /** A hop of `search` has sent a reference. */
  folded(from: LinkId, search: object, reference: Uint8Array): void {
    if (this.#folds(from)) this.#among?.folding.heard(search, reference);
  }

  /** What `to` gets before the answer of `search`, if anything. */
  foldFor(to: LinkId, search: object): Uint8Array | undefined {
    return this.#folds(to) ? this.#among?.folding.forAnswer(search) : undefined;
  }

  #folds(link: LinkId): boolean {
    return (
      this.#among?.upkeep === 'on' &&
      this.#agreement.peerOf(link) !== undefined &&
      !this.#agreement.isFriend(link)
    );
  }

  #makeAmong(options: OpennetOptions): Among {
    const { upkeep = 'on' } = options;
    const desk = this.#desk;
    const agreement = this.#agreement;
    const asks = this.#asks;
    const dials = new Dials(desk, agreement);
    const memory = new Memory(desk);
    const neighbours = new Neighbours(desk, options, { agreement, asks, dials });
    const hooks = { wants: agreement.wouldHave.bind(agreement), dial: dials.consider.bind(dials) };
    return {
      dials,
      memory,
      neighbours,
      upkeep,
      relay: new SeekRelay(desk, options, { asks, hooks }),
      folding: new Folding(desk, options, dials),
      joining: new Joining(desk, options, { agreement, asks, dials, memory, neighbours }),
    };
  }

  #confirmed(link: LinkId, peer: Peer): void {
    this.#lists.confirmed(link);
    this.uplink.confirmed(link, peer);
    this.#stem.confirmed(link);
    if (this.#among === undefined || this.#among.upkeep === 'quiet') return;
    const { memory, neighbours, joining } = this.#among;
    const candidate = this.#agreement.candidateOf(link);
    if (candidate !== undefined && peer.tie === 'stranger') memory.confirmed(candidate);
    neighbours.begin();
    joining.changed();
  }

  #lost(link: LinkId, peer: Peer): void {
    this.#lists.lost(link);
    this.uplink.lost(link);
    this.#stem.lost(link);
    if (this.#among === undefined || this.#among.upkeep === 'quiet') return;
    this.#among.dials.gone(peer.identity);
    this.#among.joining.lost();
  }
}
