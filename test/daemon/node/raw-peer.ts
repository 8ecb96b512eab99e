/**
 * The other end of a link in the hands of a test: a real socket and a real session, and then whatever bytes the test likes. It
 * answers nothing by itself and keeps no time, so it sends no keep-alives.
 */
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import type { Test } from 'tap';
import { type Identity, type PublicKey, identityFromSeed, seed } from '../../../keys/index.ts';
import { type Message, decodeMessage, encodeMessage, messageVersions } from '../../../routing/index.ts';
import type { IncomingMessage } from '../../../routing/messages.ts';
import { type Role, Session, type SessionEvent, encodeReference } from '../../../transport/index.ts';
import { SeededRandom } from '../../sim/random.ts';
import { TESTNET, until } from './cluster.ts';
import { noise } from './content.ts';

/** Whom to dial. */
interface Target {
  readonly listening: { readonly host: string; readonly port: number };
}

interface Self {
  readonly identity: Identity;
  readonly network?: Uint8Array;
  /** Whom to talk to; everybody if it is left out. */
  readonly accepts?: (identity: PublicKey) => boolean;
  /** Called with each message that comes. */
  readonly onMessage?: (message: IncomingMessage, peer: RawPeer) => void;
}

export function identityOf(name: string): Identity {
  return identityFromSeed(seed(noise(32, name)));
}

/** Of a peer that can't be dialled, unless there are addresses. */
export function referenceOf(
  identity: Identity,
  { network = TESTNET, addresses = [] }: { network?: Uint8Array; addresses?: string[] } = {},
): string {
  return encodeReference({ identity, network, addresses });
}

export class RawPeer {
  readonly messages: IncomingMessage[] = [];
  readonly #socket: Socket;
  readonly #session: Session;
  readonly #self: Self;
  isEstablished = false;
  isClosed = false;

  constructor(socket: Socket, role: Role, self: Self) {
    this.#socket = socket;
    this.#self = self;
    const { identity, network = TESTNET, accepts = () => true } = self;
    this.#session = new Session({
      identity,
      network,
      versions: messageVersions,
      random: new SeededRandom(performance.now()),
      accepts,
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('data', (bytes: Buffer) => this.#handle({ type: 'received', bytes }));
    this.#handle({ type: 'opened', role });
  }

  /** Resolves when the socket is open. The handshake goes on by itself. */
  static async dial(t: Test, node: Target, self: Self): Promise<RawPeer> {
    const socket = connect(node.listening);
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    return new RawPeer(socket, 'dial', self);
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
    this.#handle({ type: 'send', payload });
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
    const effects: Parameters<Session['handle']>[2] = [];
    this.#session.handle(performance.now(), event, effects);
    for (const effect of effects) {
      if (effect.type === 'write') this.#socket.write(effect.bytes);
      else if (effect.type === 'established') this.isEstablished = true;
      else if (effect.type === 'close') this.#socket.destroy();
      else if (effect.type === 'deliver') this.#deliver(decodeMessage(effect.payload));
    }
  }

  #deliver(message: IncomingMessage): void {
    this.messages.push(message);
    this.#self.onMessage?.(message, this);
  }
}

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
