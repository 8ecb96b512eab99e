/**
 * The guards of this node: few neighbours, drawn for months, of whom the first that can be used takes all that the owner asks for
 * (docs/spec/stem.md, 2).
 *
 * It asks for places, keeps links and gives guards up. From whom it draws is draw.ts. It moves no request and decides nothing by what
 * became of one.
 *
 * Invariants: at most `guards` of them, and at most `guardDraws` places granted in `guardDrawsMs`, over restarts; a guard goes only when
 * another one takes its place; at most one draw is on at a time.
 */
import type { Token } from '../effect.ts';
import { oneOf, type PeerDesk } from '../opennet/desk.ts';
import type { LinkId, Peer } from '../peer.ts';
import { ASKS, Company, type CompanyOptions } from './company.ts';
import { type Draw, drawFor, outgoings } from './draw.ts';
import { Draws } from './draws.ts';
import { Guard, type Up } from './guard.ts';
import { stemLimits } from './limits.ts';
import { Look } from './look.ts';
import type { StemState } from './state.ts';

/** How old a time on disk may be at which a guard was seen: a day. */
const SEEN_OLD_MS = stemLimits.guardUnseenMs.value / 30;

export interface GuardsOptions extends CompanyOptions {
  readonly desk: CompanyOptions['desk'] & Pick<PeerDesk, 'random' | 'peers' | 'setTimer' | 'cancelTimer'>;
  /** Milliseconds of the wall clock when the router's time was 0. */
  readonly epochMs: number;
  /** Asks for a place. */
  readonly ask: (link: LinkId) => void;
  /** Gives the place up, or waits for it no longer. */
  readonly end: (link: LinkId) => void;
  /** Whether what is sent by it is answered at all: with a key that means nothing. Calls back once, unless the link is lost. */
  readonly prove: (link: LinkId, ended: (outcome: 'answers' | 'silent') => void) => void;
  /** Dials a guard that is away; `linkUp` follows, or nothing. */
  readonly call: (reference: Uint8Array) => void;
  /** The order, who of it can be used, or what is to be kept has changed. */
  readonly changed: () => void;
}

/** Who was drawn and has not answered. */
interface Asked extends Omit<Draw, 'from' | 'state'> {
  readonly up: Up;
  readonly timer: Token;
  /** It has granted a place, and is being tried. */
  isProving: boolean;
}

interface InOrder {
  readonly identity: string;
  readonly link: LinkId | undefined;
}

export class Guards {
  readonly #options: GuardsOptions;
  readonly #desk: GuardsOptions['desk'];
  readonly #company: Company;
  #guards: readonly Guard[];
  #order: readonly InOrder[] = [];
  readonly #draws: Draws;
  #asked: Asked | undefined;
  #settle: Token | undefined;
  readonly #look: Look;
  #toldAt = -Infinity;
  #hadBulk = false;
  #hasBegun = false;

  constructor(options: GuardsOptions) {
    const { desk, epochMs, kept } = options;
    this.#options = options;
    this.#desk = desk;
    this.#company = new Company(options);
    this.#look = new Look({ desk, look: () => this.#review(), slow: () => this.#lookSlowly() });
    const guards = kept?.guards.slice(0, stemLimits.guards.value) ?? [];
    this.#guards = guards.map((guard) => new Guard(options, guard));
    this.#draws = new Draws(kept?.draws ?? [], () => epochMs + desk.now);
    this.#reorder();
  }

  /** In their order; `link` while it is up and has a place. */
  get order(): readonly InOrder[] {
    return this.#order;
  }

  /** Who takes an own request now. */
  own(): LinkId | undefined {
    return this.#first()?.up?.link;
  }

  /** Whether own bulk requests may go. */
  get mayBulk(): boolean {
    const guard = this.#first();
    return guard !== undefined && this.#company.bulkInMs(guard) <= 0;
  }

  /** Of the one in use. */
  get kind(): 'none' | 'provisional' | 'settled' {
    const guard = this.#first();
    if (guard === undefined) return 'none';
    return guard.isProvisional ? 'provisional' : 'settled';
  }

  get inUse(): { readonly identity: string; readonly isFriend: boolean } | undefined {
    const guard = this.#first();
    return guard && { identity: guard.identity, isFriend: guard.kind === 'friend' };
  }

  /** Whether a node was connected for long enough to be drawn. */
  isOld(identity: string): boolean {
    return this.#company.isOld(identity);
  }

  /** Whether the link is to stay up although nobody wants it as a peer's. */
  holds(link: LinkId): boolean {
    return this.#asked?.up.link === link || this.#guards.some(({ up }) => up?.link === link);
  }

  keep(): Pick<StemState, 'guards' | 'draws' | 'connected'> {
    return {
      guards: this.#guards.map((guard) => guard.keep()),
      draws: this.#draws.keep(),
      connected: this.#company.connected.keep(this.#desk.now),
    };
  }

  // --- links ------------------------------------------------------------------------------------------------------------------

  /** Guards of an earlier run are dialled from now on; at the latest the first link does the same. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    for (const guard of this.#guards) guard.dialLater(stemLimits.guardSettleMs.value);
  }

  /** `since` by the router's time: before now if the host knows the peer from before. */
  linkUp(link: LinkId, peer: Peer, since: number): void {
    this.begin();
    const up = this.#company.up(link, peer, since);
    const guard = this.#guardOf(peer.identity);
    if (guard === undefined) return;
    if (guard.hasPlace) guard.gone();
    guard.up = up;
    guard.stopDialling();
    this.#ask(up);
    this.#changed();
    this.#review();
  }

  linkDown(link: LinkId): void {
    const up = this.#company.get(link);
    if (up === undefined) return;
    const guard = this.#guardWith(up);
    this.lost(link);
    this.#losePlace(up);
    this.#company.down(up);
    if (this.#asked?.up === up) this.#answered();
    if (guard !== undefined) {
      guard.up = this.#company.newestOf(guard.identity);
      guard.dialLater(stemLimits.guardDialFirstMs.value);
      this.#changed();
    }
    this.#review();
  }

  /** The link counts from now on. */
  confirmed(link: LinkId): void {
    const up = this.#company.get(link);
    if (up === undefined || up.confirmedAt !== undefined) return;
    this.#company.confirmed(up);
    if (this.#guardWith(up) !== undefined) this.#askAsPeer(up);
    this.noticed();
  }

  /** It does no longer; a guard's is there nevertheless. */
  lost(link: LinkId): void {
    const up = this.#company.get(link);
    if (up?.confirmedAt === undefined) return;
    this.#company.lost(up);
    this.#changed();
  }

  /** Something is known of peers that was not: one is confirmed, or a friend has said its uplink. */
  noticed(): void {
    const isFull = this.#guards.length >= stemLimits.guards.value;
    const mayDraw =
      !isFull || (this.#company.friends().size > 0 && this.#guards.every(({ kind }) => kind !== 'friend'));
    if (this.#settle !== undefined || !mayDraw) return;
    // Never put off by who comes then: somebody who came and went would keep the node from drawing.
    this.#settle = this.#desk.setTimer(this.#desk.now + stemLimits.guardSettleMs.value, () => {
      this.#settle = undefined;
      this.#review();
    });
  }

  // --- places -----------------------------------------------------------------------------------------------------------------

  granted(link: LinkId): void {
    const up = this.#company.get(link);
    if (up === undefined) return;
    const asked = this.#asked;
    if (asked?.up === up) {
      if (asked.isProving) return;
      asked.isProving = true;
      this.#options.prove(link, (outcome) => this.#proved(up, outcome));
      return;
    }
    if (up.step === 'granted' || this.#guardWith(up) === undefined) return;
    up.step = 'granted';
    this.#company.count(up);
    this.#changed();
    this.#review();
  }

  /** Who swallows everything is no guard, and his draw does not count. */
  #proved(up: Up, outcome: 'answers' | 'silent'): void {
    const asked = this.#asked;
    if (asked?.up !== up) return;
    this.#answered();
    if (outcome === 'answers') {
      this.#take(asked);
    } else {
      this.#company.hadNone(up);
      this.#end(up);
    }
    this.#changed();
    this.#review();
  }

  full(link: LinkId): void {
    const up = this.#company.get(link);
    if (up === undefined) return;
    if (this.#asked?.up === up) {
      this.#answered();
      this.#company.hadNone(up);
      up.step = 'full';
    } else {
      if (this.#guardWith(up) === undefined) return;
      // It stays a guard, and counts as away.
      this.#losePlace(up);
      up.step = 'full';
      this.#askAsPeer(up);
    }
    this.#changed();
    this.#review();
  }

  #ask(up: Up): void {
    if (up.asks >= ASKS) return;
    up.asks += 1;
    up.askedAt = this.#desk.now;
    up.askedAsPeer = up.confirmedAt !== undefined;
    up.step = 'asked';
    this.#options.ask(up.link);
  }

  /** A guard gives no new place to who is no peer yet, and links are asked for the one of before as soon as they are up. */
  #askAsPeer(up: Up): void {
    if (up.step === 'full' && up.confirmedAt !== undefined && !up.askedAsPeer) this.#ask(up);
  }

  #answered(): void {
    if (this.#asked !== undefined) this.#desk.cancelTimer(this.#asked.timer);
    this.#asked = undefined;
  }

  /** It has granted a place: now it is a guard, and now the draw counts. */
  #take({ up, place, isProvisional, outgoing }: Asked): void {
    const goes = outgoings(this.#company.standing(this.#guards)).find((guard) => guard === outgoing);
    if (goes === undefined && this.#guards.length >= stemLimits.guards.value) {
      // The one that it was to follow has come back.
      this.#end(up);
      return;
    }
    const guard = Guard.drawn(this.#options, up, isProvisional ? 'provisional' : 'settled');
    up.step = 'granted';
    this.#company.count(up);
    const stay = this.#guards.filter((other) => other !== goes);
    this.#guards = place === 'first' ? [guard, ...stay] : [...stay, guard];
    this.#draws.add();
    if (goes === undefined) return;
    goes.stopDialling();
    if (goes.up !== undefined) this.#end(goes.up);
  }

  #end(up: Up): void {
    this.#losePlace(up);
    up.step = 'none';
    this.#options.end(up.link);
  }

  #losePlace(up: Up): void {
    if (up.step !== 'granted') return;
    this.#guardWith(up)?.gone();
    up.step = 'none';
    if (up.confirmedAt === undefined) this.#company.uncount(up);
  }

  // --- drawing ----------------------------------------------------------------------------------------------------------------

  /** Looks at everything, draws if it is time, and sees to it that it is looked again. */
  #review(): void {
    this.#learn();
    const waitMs = this.#draw();
    const guard = this.#first();
    const bulkInMs = guard === undefined ? Infinity : this.#company.bulkInMs(guard);
    if (bulkInMs <= 0 !== this.#hadBulk) {
      this.#hadBulk = bulkInMs <= 0;
      this.#changed();
    }
    if (this.#guards.length === 0 && this.#company.isEmpty) this.#look.stop();
    else this.#look.after(Math.min(waitMs, bulkInMs > 0 ? bulkInMs : Infinity));
  }

  /** What the peers that are there have shown, and whether a provisional guard has been there for long enough. */
  #learn(): void {
    let isNew = false;
    for (const guard of this.#guards) {
      const { up } = guard;
      if (up === undefined) continue;
      if (guard.learn(up.peer, this.#options.candidateOf(up.link))) isNew = true;
      if (!guard.isProvisional || !guard.hasPlace) continue;
      if (!this.#company.isSmall && !this.#company.isOld(guard.identity)) continue;
      guard.isProvisional = false;
      isNew = true;
    }
    if (isNew) this.#changed();
  }

  /** Asks somebody if that is due. @returns in how many milliseconds it may be, as things stand */
  #draw(): number {
    const { now, random } = this.#desk;
    if (this.#asked !== undefined || this.#settle !== undefined || !this.#draws.isOneLeft) return Infinity;
    const draw = drawFor(this.#company.scene(this.#guards));
    if (draw.state === 'wait') {
      const { isSmall, smallInMs } = this.#company;
      return isSmall ? draw.ms : Math.min(draw.ms, smallInMs);
    }
    const drawn = oneOf(draw.from, random);
    const up = drawn && this.#company.get(drawn.link);
    if (up === undefined) return Infinity;
    // Who has granted a place by then and is being tried still works.
    const timer = this.#desk.setTimer(now + stemLimits.guardAnswerMs.value, () =>
      this.#proved(up, this.#asked?.isProving === true ? 'answers' : 'silent'),
    );
    const { place, isProvisional, outgoing } = draw;
    this.#asked = { up, place, isProvisional, outgoing, timer, isProving: false };
    this.#ask(up);
    return Infinity;
  }

  #lookSlowly(): void {
    const { now } = this.#desk;
    for (const { up } of this.#guards) {
      const isMute = up?.step === 'full' || up?.step === 'asked';
      if (up !== undefined && isMute && now - up.askedAt >= stemLimits.guardFullMs.value) this.#ask(up);
    }
    const isOld = this.#guards.length > 0 && now - this.#toldAt >= SEEN_OLD_MS;
    if (isOld || this.#company.connected.isGrowing(now)) this.#changed();
  }

  // --- small ------------------------------------------------------------------------------------------------------------------

  /** The first that can be used. */
  #first(): Guard | undefined {
    const { peers, now } = this.#desk;
    return this.#guards.find(
      (guard) =>
        guard.hasPlace &&
        guard.up !== undefined &&
        !this.#company.isDeadEnd(guard) &&
        !peers.isSilent(guard.up.link, now),
    );
  }

  #guardOf(identity: string): Guard | undefined {
    return this.#guards.find((guard) => guard.identity === identity);
  }

  #guardWith(up: Up): Guard | undefined {
    return this.#guards.find((guard) => guard.up === up);
  }

  #changed(): void {
    this.#toldAt = this.#desk.now;
    this.#reorder();
    this.#options.changed();
  }

  #reorder(): void {
    this.#order = this.#guards.map((guard) => {
      const isThere = guard.hasPlace && !this.#company.isDeadEnd(guard);
      return { identity: guard.identity, link: isThere ? guard.up?.link : undefined };
    });
  }
}
