/**
 * The other end of a link in the hands of a test: a real socket and a real session, and then whatever bytes the test likes. It
 * answers nothing by itself, but that it is somebody's guard if asked, and what it is tried with then (docs/spec/stem.md, 2), and keeps no
 * time, so it sends no keep-alives.
 */
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import type { Test } from 'tap';
import { type Identity, type PublicKey, identityFromSeed, seed } from '../../../keys/index.ts';
import { type Message, decodeMessage, encodeMessage, messageVersions } from '../../../routing/index.ts';
import type { IncomingMessage } from '../../../routing/messages.ts';
import {
  type LinkKeys,
  type LinkSecret,
  ReplayGuard,
  Session,
  type SessionEffect,
  type SessionEvent,
  decodeReference,
  encodeReference,
  linkKeys,
} from '../../../transport/index.ts';
import { SeededRandom } from '../../sim/random.ts';
import { TESTNET, until } from './cluster.ts';
import { noise } from './content.ts';

/** Whom to dial. */
interface Target {
  readonly listening: { readonly host: string; readonly port: number };
  reference(): Promise<string> | string;
}

export interface Person extends Identity {
  readonly keys: LinkKeys;
}

interface Self {
  readonly identity: Person;
  readonly network?: Uint8Array;
  /** What it shares with the other; nothing if it is left out. */
  readonly secret?: LinkSecret;
  /** What the other asks callers to send first is left out. */
  readonly sendsPrefix?: false;
  /** Does not say that it wants the link, which then does not count. */
  readonly wants?: 'nobody';
  /** Whom to talk to; everybody if it is left out. */
  readonly accepts?: (identity: PublicKey) => boolean;
  /** Called with each message that comes. */
  readonly onMessage?: (message: IncomingMessage, peer: RawPeer) => void;
}

export function identityOf(name: string): Person {
  const secret = seed(noise(32, name));
  return { ...identityFromSeed(secret), keys: linkKeys(secret) };
}

/** Of a peer that can't be dialled, unless there are addresses. */
export function referenceOf(
  identity: Person,
  { network = TESTNET, addresses = [] }: { network?: Uint8Array; addresses?: string[] } = {},
): string {
  return encodeReference({ identity, keys: identity.keys, network, addresses });
}

/** Two openings of one identity never have one time. */
let lastWallMs = 0;

function wallMs(): number {
  lastWallMs = Math.max(lastWallMs + 1, Date.now());
  return lastWallMs;
}

export class RawPeer {
  /** But for what is said about the link itself. */
  readonly messages: IncomingMessage[] = [];
  readonly #socket: Socket;
  readonly #session: Session;
  readonly #self: Self;
  readonly #replay = new ReplayGuard();
  /** It has granted a place, and what it is tried with has not come. */
  #isTried = false;
  isEstablished = false;
  isClosed = false;
  receivedBytes = 0;

  /** Dials the node of this reference, or waits to be called. */
  constructor(socket: Socket, self: Self, dials?: string) {
    this.#socket = socket;
    this.#self = self;
    const { identity, network = TESTNET, secret = { type: 'stranger' } } = self;
    this.#session = new Session({
      self: decodeReference(referenceOf(identity, { network })),
      keys: identity.keys,
      versions: messageVersions,
      random: new SeededRandom(performance.now()),
      replay: this.#replay,
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('data', (bytes: Buffer) => {
      this.receivedBytes += bytes.length;
      this.#handle({ type: 'received', bytes });
    });
    if (dials === undefined) this.#handle({ type: 'opened', role: 'listen', wallMs: wallMs() });
    else {
      // What it says of itself is of its own network; what it calls, it calls by the key that it knows.
      const called = decodeReference(dials);
      const prefix = self.sendsPrefix === false ? new Uint8Array(0) : called.prefix;
      const peer = { ...called, network, prefix };
      this.#handle({ type: 'opened', role: 'dial', wallMs: wallMs(), peer, secret });
    }
  }

  /** Resolves when the socket is open. The handshake goes on by itself. */
  static async dial(t: Test, node: Target, self: Self): Promise<RawPeer> {
    const socket = connect(node.listening);
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    return new RawPeer(socket, self, await node.reference());
  }

  /** Dials and resolves when the handshake is done. */
  static async linked(t: Test, node: Target, self: Self): Promise<RawPeer> {
    const peer = await RawPeer.dial(t, node, self);
    await until(() => peer.isEstablished);
    return peer;
  }

  send(message: Message): void {
    this.sendPayload(encodeMessage(message));
  }

  /** One frame with these bytes. */
  sendPayload(payload: Uint8Array): void {
    this.#handle({ type: 'send', payload, urgency: 'bulk' });
  }

  /** Past the session. */
  sendRaw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  stopReading(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }

  #handle(event: SessionEvent): void {
    const effects: SessionEffect[] = [];
    this.#session.handle(performance.now(), event, effects);
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: SessionEffect): void {
    switch (effect.type) {
      case 'write':
        this.#socket.write(effect.bytes, () => this.#handle({ type: 'drained' }));
        return;
      case 'admit': {
        const { accepts = () => true, secret = { type: 'stranger' } } = this.#self;
        const isFresh = accepts(effect.identity) && this.#replay.accept(effect);
        const verdict = isFresh ? ({ type: 'accepted', secret } as const) : REFUSED;
        this.#handle({ type: 'admitted', token: effect.token, verdict });
        return;
      }
      case 'established':
        this.isEstablished = true;
        // Of no bytes: where there are no strangers nobody is introduced.
        if (this.#self.wants !== 'nobody') this.send({ type: 'wanted', reference: new Uint8Array(0) });
        return;
      case 'deliver':
        this.#deliver(decodeMessage(effect.payload));
        return;
      case 'close':
        this.#socket.destroy();
        return;
      case 'setTimer':
      case 'cancelTimer':
    }
  }

  #deliver(message: IncomingMessage): void {
    if (message.type === 'wanted' || message.type === 'unwanted' || message.type === 'peers') return;
    if (message.type === 'stemLink') {
      if (message.step === 'ask') {
        this.#isTried = true;
        this.send({ type: 'stemLink', step: 'grant' });
      }
      return;
    }
    if (this.#isTried && message.type === 'dataRequest' && message.route.phase === 'stem') {
      this.#isTried = false;
      this.send({ type: 'accepted', id: message.id });
      this.send({ type: 'dataNotFound', id: message.id, visits: 0 });
      return;
    }
    this.messages.push(message);
    this.#self.onMessage?.(message, this);
  }
}

const REFUSED = { type: 'refused' } as const;

/**
 * A listener that hands over each connection; gives its address. `ends: 'withTheOther'` is what sockets do; `byItself` stays open
 * when the other side has said that it will send no more.
 */
export async function listen(
  t: Test,
  accept: (socket: Socket) => void,
  { ends = 'withTheOther' }: { ends?: 'withTheOther' | 'byItself' } = {},
): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: ends === 'byItself' }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    accept(socket);
  }).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
