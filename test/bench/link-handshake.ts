/**
 * How many links one thread can open: both ends in this process and nothing between them. An opening, its admission, the reply, and
 * the frame that confirms; the owner's disk is not part of it.
 */
import {
  ReplayGuard,
  Session,
  type SessionEffect,
  type SessionEvent,
  type SessionOptions,
} from '../../transport/index.ts';
import { messageVersions } from '../../routing/index.ts';
import { STRANGER, keysOf, referenceOf } from '../transport/session-pair.ts';
import { LISTENER, random } from './link-load.ts';

const HANDSHAKES = 1_000;
const WARM_UP = 200;
/** In turn: as many as a node has peers. */
const CALLERS = 20;

/** In a second of CPU time, for both ends together: whoever else uses the machine does not count. */
export function handshakesPerCpuSecond(): number {
  const listener = optionsOf(LISTENER);
  const callers = Array.from({ length: CALLERS }, (_, number) => optionsOf(LISTENER + 1 + number));
  let wallMs = Date.now();
  const open = (count: number) => {
    for (let turn = 0; turn < count; turn += 1) {
      wallMs += 1;
      const caller = callers[turn % CALLERS];
      if (caller !== undefined) handshake({ caller, listener, wallMs });
    }
  };
  open(WARM_UP);
  const before = process.cpuUsage();
  open(HANDSHAKES);
  const { user, system } = process.cpuUsage(before);
  return HANDSHAKES / ((user + system) / 1e6);
}

function optionsOf(number: number): SessionOptions {
  const replay = new ReplayGuard();
  return { self: referenceOf(number), keys: keysOf(number), versions: messageVersions, random, replay };
}

function handshake(ends: { caller: SessionOptions; listener: SessionOptions; wallMs: number }): void {
  const { caller, listener, wallMs } = ends;
  const [dialling, listening] = [new End(caller), new End(listener)];
  listening.handle({ type: 'opened', role: 'listen', wallMs });
  dialling.handle({ type: 'opened', role: 'dial', wallMs, peer: listener.self, secret: STRANGER });
  listening.receive(dialling.written.shift());
  dialling.receive(listening.written.shift());
  listening.receive(dialling.written.shift());
  if (!dialling.isEstablished || !listening.isEstablished) throw new Error('a handshake failed');
}

/** A session and an owner that lets everybody in. */
class End {
  readonly written: Uint8Array[] = [];
  isEstablished = false;
  readonly #session: Session;
  readonly #replay: ReplayGuard;

  constructor(options: SessionOptions) {
    this.#session = new Session(options);
    this.#replay = options.replay;
  }

  receive(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) this.handle({ type: 'received', bytes });
  }

  handle(event: SessionEvent): void {
    const effects: SessionEffect[] = [];
    this.#session.handle(0, event, effects);
    for (const effect of effects) {
      if (effect.type === 'write') this.written.push(effect.bytes);
      if (effect.type === 'established') this.isEstablished = true;
      if (effect.type === 'admit' && this.#replay.accept(effect)) {
        const verdict = { type: 'accepted', secret: STRANGER } as const;
        this.handle({ type: 'admitted', token: effect.token, verdict });
      }
    }
  }
}
