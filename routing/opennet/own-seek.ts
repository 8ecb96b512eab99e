/**
 * A seek of this node (docs/spec/peers.md, 5): it goes over one link, brings offers, and ends once: by `seekEnd`, with its link, or
 * when nothing more can come.
 */
import type { Location } from '../../keys/index.ts';
import type { Token } from '../effect.ts';
import type { SeekId, Uid } from '../messages.ts';
import type { LinkId } from '../peer.ts';
import type { Asks, SeekReply } from './asks.ts';
import type { OpennetOptions, PeerDesk } from './desk.ts';
import { opennetLimits } from './limits.ts';

export interface SeekHooks {
  offered(reference: Uint8Array): void;
  ended(): void;
}

export class OwnSeek {
  readonly #desk: PeerDesk;
  readonly #asks: Asks;
  readonly #via: LinkId;
  readonly #id: SeekId;
  readonly #patience: Token;
  readonly #hooks: SeekHooks;
  #offersLeft: number = opennetLimits.seekOffers.value;

  constructor(
    parts: { desk: PeerDesk; options: OpennetOptions; asks: Asks },
    way: { via: LinkId; target: Location; walk: number },
    hooks: SeekHooks,
  ) {
    const { desk, options, asks } = parts;
    const { seekHtl, seekHopMs } = opennetLimits;
    this.#desk = desk;
    this.#asks = asks;
    this.#via = way.via;
    this.#hooks = hooks;
    this.#id = asks.open(way.via, { says: (reply) => this.#says(reply), lost: () => this.#end() });
    this.#patience = desk.setTimer(desk.now + seekHopMs.value * (seekHtl.value + 1), () => this.#end());
    const { reference, proof } = options.own();
    desk.send(way.via, {
      type: 'seek',
      id: this.#id,
      uid: Buffer.from(desk.random.bytes(8)).toString('hex') as Uid,
      target: way.target,
      walk: way.walk,
      htl: seekHtl.value,
      reference,
      proof,
    });
  }

  #says(reply: SeekReply): void {
    if (reply.type === 'seekEnd') {
      this.#end();
    } else if (reply.type === 'seekOffer' && this.#offersLeft > 0) {
      this.#offersLeft -= 1;
      this.#hooks.offered(reply.reference);
    }
  }

  #end(): void {
    this.#asks.close(this.#via, this.#id);
    this.#desk.cancelTimer(this.#patience);
    this.#hooks.ended();
  }
}
