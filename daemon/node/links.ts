/**
 * The links of this node: it answers those who call, opens sessions with those who were dialled, and gives the router one link a peer.
 * Who is answered at all is admission.ts, what the owner wants of peers is peers.ts, and strangers are looked for by strangers.ts.
 *
 * When both sides dial at once there are two connections for a moment. Both sides keep the one that the smaller identity dialled,
 * so that they keep the same one. Two by the same side mean that it has come back: the newer one stays. One under a secret of the
 * pair goes before one without: both ends have become friends in between.
 *
 * Invariant: to the router a peer has at most one link at a time, and a link that comes up later has another id.
 */
import type { Logger } from 'pino';
import { ParseError, type Random, assert, toText } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import {
  LOCAL_LINK,
  type LinkId,
  type Message,
  type Peer,
  type Priority,
  type RouterEvent,
  type Verdict,
  decodeMessage,
  encodeMessage,
} from '../../routing/index.ts';
import {
  type CarrierListener,
  type NodeReference,
  type Role,
  formatAddress,
  parseAddress,
} from '../../transport/index.ts';
import type { SocketCarrier } from '../host/socket-carrier.ts';
import { type Listening, listenTcp } from '../host/tcp.ts';
import type { Admission } from './admission.ts';
import { oldestWaitMs } from './backlog.ts';
import type { Connection } from './connection.ts';
import { type CallState, Dialler } from './dialler.ts';
import { Handshakes, type HandshakesOptions, type Made } from './handshakes.ts';
import { type OwnNode, ownReference } from './own-reference.ts';
import type { KnownPeer, PeerBook } from './peer-book.ts';
import { type Place, type Reach, mayDial, placeOf, placeOfCaller, reachOf } from './place.ts';
import { routingPeer } from './routing-peer.ts';

export interface LinksOptions extends OwnNode {
  readonly book: PeerBook;
  /** Nodes that the owner has named to begin with. */
  readonly seeds: readonly NodeReference[];
  readonly admission: Admission;
  readonly random: Random;
  readonly log: Logger;
  /** Gives an event to the router. */
  readonly dispatch: (event: RouterEvent) => void;
}

export type CallOutcome =
  { readonly outcome: 'linked' } | { readonly outcome: 'failed'; readonly reason: string };

interface Link {
  readonly id: LinkId;
  readonly reference: NodeReference;
  readonly identity: string;
  readonly tie: Peer['tie'];
  /** Whether a secret of the pair is in its keys. */
  readonly keys: 'ofPair' | 'ofStrangers';
  readonly connection: Connection;
  readonly sinceMs: number;
}

/** A link as others in this node see it. */
export interface LinkState extends Pick<Link, 'identity' | 'reference' | 'tie' | 'sinceMs'> {
  readonly direction: 'in' | 'out';
}

export class Links {
  readonly #options: LinksOptions;
  /** Text form of the own identity. */
  readonly #name: string;
  readonly #handshakes: Handshakes<Link>;
  readonly #dialler: Dialler;
  /** By the identity of the peer. */
  readonly #links = new Map<string, Link>();
  readonly #byId = new Map<LinkId, Link>();
  /** Who is told how a call has ended. */
  readonly #waiting = new Map<string, ((outcome: CallOutcome) => void)[]>();
  #listening: Listening | undefined;
  /** Known once the port is. */
  #self: NodeReference | undefined;
  #nextLink = LOCAL_LINK + 1;
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#name = toText(options.identity.publicKey);
    this.#handshakes = new Handshakes({
      ...options,
      self: () => this.own,
      groupOf: (host, identity) => this.#placeOfCaller(host, identity).group,
      established: (peer, made) => this.#established(peer, made),
      delivered: (link, payload) => this.#delivered(link, payload),
      ended: (how) => this.#ended(how),
    });
    this.#dialler = new Dialler({
      random: options.random,
      proxy: options.proxy,
      prepare: (peer) => this.#handshakes.prepare(peer),
      isLinked: (identity) => this.#links.has(identity),
      find: (identity) => options.book.get(identity),
      mayDial: (peer, host) => this.#mayDial(peer, host),
    });
  }

  /** Listens; dials nobody yet. @returns host:port as bound. @throws UserError port_in_use */
  async start(listen: { host: string; port: number }): Promise<string> {
    try {
      this.#listening = await listenTcp({ ...listen, accept: (carrier) => this.#accept(carrier) });
    } catch (error) {
      throw listenError(error, listen);
    }
    this.#self = ownReference(this.#options, this.#listening);
    return formatAddress(this.#listening);
  }

  /** Dials the peers of the book, until each has a link. */
  begin(): void {
    for (const peer of this.#options.book.list()) this.#dialler.dial(peer);
  }

  /** As others get it. */
  get own(): NodeReference {
    assert(this.#self !== undefined, 'a node that has not started has no address');
    return this.#self;
  }

  /** Of the own reference: where others can call. */
  get hosts(): string[] {
    return hostsOf(this.own);
  }

  /** Where strangers may send this node. */
  get reach(): Reach {
    const { proxy, seeds, book } = this.#options;
    const named = [...seeds, ...book.list().map(({ reference }) => reference)];
    return {
      through: proxy === undefined ? 'nothing' : 'proxy',
      near: [this.own, ...named].flatMap(hostsOf),
    };
  }

  /** Dials now, if there is no link, and says what came of it; of peers of the book it is tried again until there is one. */
  call(peer: KnownPeer): Promise<CallOutcome> {
    if (this.#links.has(peer.identity)) return Promise.resolve({ outcome: 'linked' });
    if (this.#closed) return Promise.resolve({ outcome: 'failed', reason: 'stopping' });
    const outcome = new Promise<CallOutcome>((resolve) => {
      const waiting = this.#waiting.get(peer.identity) ?? [];
      this.#waiting.set(peer.identity, [...waiting, resolve]);
    });
    this.#dialler.dial(peer);
    return outcome;
  }

  /** The owner has named a node that may be linked as a stranger: a link is what it was made as, so there has to be another one. */
  renew(peer: KnownPeer): void {
    const { identity, reference } = peer;
    const link = this.#links.get(identity);
    // Who can't be dialled will call again, and is what it is meanwhile.
    if (link?.tie === 'stranger' && reference.addresses.length > 0) this.#end(link, 'named by the owner');
    this.#dialler.dial(peer);
  }

  /** The owner wants no link with it any more. */
  forget(identity: string): void {
    this.#dialler.forget(identity);
    const link = this.#links.get(identity);
    if (link !== undefined) this.#end(link, 'removed');
  }

  /** The router does not want the link any more. */
  closeLink(id: LinkId): void {
    const link = this.#byId.get(id);
    if (link !== undefined) this.#end(link, 'not wanted');
  }

  linkWith(identity: string): LinkState | undefined {
    const link = this.#links.get(identity);
    return link === undefined ? undefined : describe(link);
  }

  list(): LinkState[] {
    return [...this.#links.values()].map(describe);
  }

  /** Until a peer of the book is called again. */
  get nextCallMs(): number | undefined {
    return this.#dialler.nextTryMs;
  }

  callState(identity: string): CallState {
    return this.#dialler.state(identity);
  }

  /** `priority`: of the request that a block belongs to. */
  send(link: LinkId, message: Message, priority: Priority = 'bulk'): void {
    // What carries a block is as long as a thousand others: those go first.
    const urgency = 'block' in message ? priority : 'control';
    this.#byId.get(link)?.connection.send(encodeMessage(message), urgency);
  }

  /** How long messages wait for the carriers of most links. */
  get oldestWaitMs(): number {
    return oldestWaitMs(Array.from(this.#byId.values(), ({ connection }) => connection.oldestWaitMs));
  }

  /** Who is at the other end; undefined for the owner's link, and for one that is gone. */
  identityOf(link: LinkId): string | undefined {
    return this.#byId.get(link)?.identity;
  }

  verdict(link: LinkId, verdict: Verdict): void {
    if (verdict === 'silent') return;
    this.#options.log.warn({ verdict }, 'a peer is disconnected');
    this.#byId.get(link)?.connection.destroy(verdict);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#dialler.close();
    this.#handshakes.close('stopping');
    for (const { connection } of this.#byId.values()) connection.close('stopping');
    for (const [identity] of this.#waiting) this.#settle(identity, { outcome: 'failed', reason: 'stopping' });
    await this.#listening?.close();
  }

  /** A carrier that opens while the node stops has nobody to listen. */
  #accept(carrier: SocketCarrier): CarrierListener {
    if (!this.#closed) return this.#handshakes.accept(carrier, carrier.remoteHost);
    queueMicrotask(() => carrier.destroy());
    return { received: () => {}, drained: () => {}, closed: () => {} };
  }

  /** The owner's word is enough for any address; a stranger's is not. */
  #mayDial({ identity, reference }: KnownPeer, host: string): boolean {
    const { book, seeds } = this.#options;
    if (book.get(identity) !== undefined || seeds.some(({ line }) => line === reference.line)) return true;
    return mayDial(host, { reach: this.reach, prefix: reference.prefix });
  }

  #established({ identity, reference }: KnownPeer, { connection, secret, host }: Made): Link | undefined {
    const keys = secret.type === 'stranger' ? 'ofStrangers' : 'ofPair';
    const older = this.#links.get(identity);
    if (older !== undefined && !this.#replaces({ connection, keys, identity }, older)) {
      connection.close('second connection');
      return undefined;
    }
    if (older !== undefined) this.#end(older, 'second connection');
    const tie = this.#tieWith(identity);
    const link: Link = {
      id: this.#nextLink as LinkId,
      identity,
      reference,
      tie,
      keys,
      connection,
      sinceMs: performance.now(),
    };
    this.#nextLink += 1;
    this.#links.set(identity, link);
    this.#byId.set(link.id, link);
    this.#dialler.linked(identity);
    const place = connection.role === 'dial' ? placeOf(host, identity) : this.#placeOfCaller(host, identity);
    this.#options.dispatch({
      type: 'linkUp',
      link: link.id,
      peer: routingPeer(reference, {
        place,
        tie,
        costMs: roundTripMs(connection),
        carrier: this.#carrierOf(connection),
      }),
      since: link.sinceMs,
    });
    this.#settle(identity, { outcome: 'linked' });
    return link;
  }

  #tieWith(identity: string): Peer['tie'] {
    const secret = this.#options.book.get(identity)?.secret;
    if (secret === undefined) return 'stranger';
    return secret.type === 'stranger' ? 'chosen' : 'friend';
  }

  /** Behind a proxy, and where the owner has said how it is reached, callers may come through a forwarder on this machine. */
  #placeOfCaller(host: string | undefined, identity: string): Place {
    const { proxy, addresses } = this.#options;
    const isForwarded = proxy !== undefined || (addresses.length > 0 && reachOf(this.hosts) === 'world');
    return placeOfCaller(host, { identity, behind: isForwarded ? 'forwarder' : 'nothing' });
  }

  /** Whoever waits for a call of this node, whichever connection it was that came up. */
  #settle(identity: string, outcome: CallOutcome): void {
    const waiting = this.#waiting.get(identity) ?? [];
    this.#waiting.delete(identity);
    const result: CallOutcome = this.#links.has(identity) ? { outcome: 'linked' } : outcome;
    for (const resolve of waiting) resolve(result);
  }

  #carrierOf({ role }: Connection): 'tcp' | 'socks5' {
    return role === 'dial' && this.#options.proxy !== undefined ? 'socks5' : 'tcp';
  }

  #replaces(newer: Pick<Link, 'connection' | 'keys' | 'identity'>, older: Link): boolean {
    if (newer.keys !== older.keys) return newer.keys === 'ofPair';
    if (newer.connection.role === older.connection.role) return true;
    const smallerDials: Role = this.#name < newer.identity ? 'dial' : 'listen';
    return newer.connection.role === smallerDials;
  }

  #delivered(link: Link, payload: Uint8Array): void {
    try {
      this.#options.dispatch({ type: 'message', link: link.id, message: decodeMessage(payload) });
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      this.#options.log.warn({ code: error.code }, 'a peer sent what is no message');
      link.connection.destroy(error.code);
    }
  }

  /** The router is told at once: a closing connection may linger, and there may be another one meanwhile. */
  #end(link: Link, reason: string): void {
    this.#down(link.identity, link);
    link.connection.close(reason);
  }

  #ended({ identity, link, reason, way }: Parameters<HandshakesOptions<Link>['ended']>[0]): void {
    if (link !== undefined) this.#down(link.identity, link);
    if (identity === undefined) return;
    // Before there was a link it would be no reply.
    const why = link !== undefined && reason === 'carrier_closed' ? 'link_ended' : reason;
    if (way !== 'unanswered') this.#dialler.ended(identity, { reason: why, own: way === 'dialled' });
    if (way !== 'called') this.#settle(identity, { outcome: 'failed', reason: why });
  }

  /** Once for each link: the router is told, and the peer may have another one. */
  #down(identity: string, link: Link): void {
    if (this.#links.get(identity) === link) this.#links.delete(identity);
    if (this.#byId.delete(link.id)) this.#options.dispatch({ type: 'linkDown', link: link.id });
  }
}

function hostsOf({ addresses }: NodeReference): string[] {
  return addresses.map((address) => parseAddress(address).host);
}

function describe({ identity, reference, tie, sinceMs, connection }: Link): LinkState {
  const direction = connection.role === 'dial' ? 'out' : 'in';
  return { identity, reference, tie, sinceMs, direction };
}

/** From the first byte to the confirmation: about two round trips. */
function roundTripMs({ openedAt }: Connection): number {
  return Math.max(1, (performance.now() - openedAt) / 2);
}

const cannotListen: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not; ports below 1024 are for administrators',
  ENOTFOUND: 'the name is not known',
};

function listenError(error: unknown, { host, port }: { host: string; port: number }): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'EADDRINUSE')
    return new UserError('port_in_use', `${host}:${port} is in use`, { cause: error });
  const why = cannotListen[String(error.code)] ?? String(error.code);
  return new UserError('config_invalid', `can't listen on ${host}:${port}: ${why}`, { cause: error });
}
