/** Two sessions face to face without carriers, and what a test has to know of one to stand in for the other side. */
import { identityFromSeed, seed } from '../../keys/index.ts';
import type { Identity } from '../../keys/index.ts';
import { ReplayGuard, Session, decodeReference, encodeReference, linkKeys } from '../../transport/index.ts';
import type {
  CloseReason,
  LinkKeys,
  LinkSecret,
  NodeReference,
  SessionEffect,
  SessionEvent,
  SessionOptions,
  Urgency,
  Verdict,
} from '../../transport/index.ts';
import { SeededRandom } from '../sim/random.ts';

export const NETWORK = new Uint8Array(32).fill(9);
/** Unix time at which these tests play. */
export const WALL_MS = 1_800_000_000_000;
export const STRANGER: LinkSecret = { type: 'stranger' };

export function identityOf(number: number): Identity {
  return identityFromSeed(seed(new Uint8Array(32).fill(number)));
}

export function keysOf(number: number): LinkKeys {
  return linkKeys(seed(new Uint8Array(32).fill(number)));
}

export interface NodeChoice {
  readonly network?: Uint8Array;
  readonly prefix?: Uint8Array;
  readonly addresses?: readonly string[];
}

const references = new Map<string, NodeReference>();

export function referenceOf(
  number: number,
  { network = NETWORK, prefix, addresses = ['127.0.0.1:4711'] }: NodeChoice = {},
): NodeReference {
  const line = encodeReference({
    identity: identityOf(number),
    keys: keysOf(number),
    network,
    addresses,
    ...(prefix ? { prefix } : {}),
  });
  const reference = references.get(line) ?? decodeReference(line);
  references.set(line, reference);
  return reference;
}

export interface SideOptions extends Partial<SessionOptions>, NodeChoice {
  /** What the owner says of every caller; `later` leaves it to the test. */
  readonly verdict?: Verdict | 'later';
}

const FRAME_HEAD_BYTES = 18;

type Admit = Extract<SessionEffect, { type: 'admit' }>;

/** A session with an owner, and all that it has wanted so far. */
export class Side {
  readonly session: Session;
  readonly effects: SessionEffect[] = [];
  readonly replay: ReplayGuard;
  readonly self: NodeReference;
  readonly #verdict: Verdict | 'later';
  #performed = 0;
  #unsent: Uint8Array[] = [];

  constructor(number: number, options: SideOptions = {}) {
    const { network, prefix, addresses, verdict, ...session } = options;
    this.#verdict = verdict ?? { type: 'accepted', secret: STRANGER };
    this.self = referenceOf(number, {
      ...(network ? { network } : {}),
      ...(prefix ? { prefix } : {}),
      ...(addresses ? { addresses } : {}),
    });
    this.replay = options.replay ?? new ReplayGuard();
    this.session = new Session({
      self: this.self,
      keys: keysOf(number),
      versions: { min: 1, max: 1 },
      random: new SeededRandom(number),
      ...session,
      replay: this.replay,
    });
  }

  /** Owns as a node does: accepts with the guard before it lets in. Writes wait for `takeWritten`. */
  handle(now: number, event: SessionEvent): void {
    this.session.handle(now, event, this.effects);
    for (let effect; (effect = this.effects[this.#performed]);) {
      this.#performed += 1;
      if (effect.type === 'write') this.#unsent.push(effect.bytes);
      if (effect.type === 'admit' && this.#verdict !== 'later') this.answer(now, effect, this.#verdict);
    }
  }

  answer(now: number, { token, agreementKey, timestampMs }: Admit, verdict: Verdict): void {
    if (verdict.type === 'accepted') this.replay.accept({ agreementKey, timestampMs });
    this.handle(now, { type: 'admitted', token, verdict });
  }

  dial(
    peer: NodeReference,
    {
      secret = STRANGER,
      now = 0,
      wallMs = WALL_MS,
    }: { secret?: LinkSecret; now?: number; wallMs?: number } = {},
  ): this {
    this.handle(now, { type: 'opened', role: 'dial', wallMs, peer, secret });
    return this;
  }

  listen({ now = 0, wallMs = WALL_MS }: { now?: number; wallMs?: number } = {}): this {
    this.handle(now, { type: 'opened', role: 'listen', wallMs });
    return this;
  }

  receive(bytes: Uint8Array, now = 0): void {
    this.handle(now, { type: 'received', bytes });
  }

  send(payload: Uint8Array, { urgency = 'bulk', now = 0 }: { urgency?: Urgency; now?: number } = {}): void {
    this.handle(now, { type: 'send', payload, urgency });
  }

  /** What it has written since the last call, frame by frame: of the longest ones head and body are written apart. */
  takeWrites(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (const bytes of this.#unsent.splice(0)) {
      const head = frames.at(-1)?.length === FRAME_HEAD_BYTES ? frames.pop() : undefined;
      frames.push(head ? new Uint8Array(Buffer.concat([head, bytes])) : bytes);
    }
    return frames;
  }

  takeWritten(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.takeWrites()));
  }

  /** All that it writes, the carrier taking everything at once. */
  takeAll(now = 0): Uint8Array {
    const chunks: Uint8Array[] = [];
    for (;;) {
      const written = this.takeWritten();
      if (written.length === 0) return new Uint8Array(Buffer.concat(chunks));
      chunks.push(written);
      this.handle(now, { type: 'drained' });
    }
  }

  get delivered(): Uint8Array[] {
    return this.effects.flatMap((effect) => (effect.type === 'deliver' ? [effect.payload] : []));
  }

  get closeReason(): CloseReason | undefined {
    return this.effects.find((effect) => effect.type === 'close')?.reason;
  }

  get established(): Extract<SessionEffect, { type: 'established' }> | undefined {
    return this.effects.find((effect) => effect.type === 'established');
  }

  get admit(): Admit | undefined {
    return this.effects.find((effect) => effect.type === 'admit');
  }

  /** The time that the timer stands at. */
  get timerAt(): number | undefined {
    const last = this.effects.findLast(({ type }) => type === 'setTimer' || type === 'cancelTimer');
    return last?.type === 'setTimer' ? last.at : undefined;
  }
}

/** Carries bytes to and fro until both are quiet. The carriers take everything at once. */
export function exchange(left: Side, right: Side, now = 0): void {
  for (;;) {
    const toRight = left.takeWritten();
    const toLeft = right.takeWritten();
    if (toRight.length === 0 && toLeft.length === 0) return;
    if (toRight.length > 0) {
      left.handle(now, { type: 'drained' });
      right.receive(toRight, now);
    }
    if (toLeft.length > 0) {
      right.handle(now, { type: 'drained' });
      left.receive(toLeft, now);
    }
  }
}

/** A dialler and a listener, both after the handshake. */
export function establishedPair({
  now = 0,
  left = {},
  right = {},
}: { now?: number; left?: SideOptions; right?: SideOptions } = {}): [Side, Side] {
  const dialler = new Side(1, left);
  const listener = new Side(2, right).listen({ now });
  dialler.dial(listener.self, { now });
  exchange(dialler, listener, now);
  return [dialler, listener];
}
