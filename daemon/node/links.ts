/**
 * The links of this node: it answers the peers that call, opens sessions with those that were dialled, and gives the router one
 * link a peer. Who is answered at all is admission.ts; to everybody else this port says nothing.
 *
 * When both sides dial at once there are two connections for a moment. Both sides keep the one that the smaller identity dialled,
 * so that they keep the same one. Two by the same side mean that it has come back: the newer one stays.
 *
 * Invariant: to the router a peer has at most one link at a time, and a link that comes up later has another id.
 */
import type { Logger } from 'pino';
import { ParseError, type Random, assert, locationOfIdentity, toText } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import {
  LOCAL_LINK,
  type LinkId,
  type Message,
  type RouterEvent,
  type Verdict,
  decodeMessage,
  encodeMessage,
  messageVersions,
} from '../../routing/index.ts';
import {
  type Carrier,
  type CarrierListener,
  type NodeReference,
  type Role,
  decodeInvite,
  decodeReference,
  encodeInvite,
  formatAddress,
} from '../../transport/index.ts';
import { type Listening, listenTcp } from '../host/tcp.ts';
import type { Admission } from './admission.ts';
import { type Caller, Connection } from './connection.ts';
import { Dialler, type Prepared } from './dialler.ts';
import type { Invites } from './invites.ts';
import { nodeLimits } from './limits.ts';
import { type OwnNode, ownReference } from './own-reference.ts';
import type { KnownPeer, PeerBook } from './peer-book.ts';
import { routingPeer } from './routing-peer.ts';

export interface LinksOptions extends OwnNode {
  readonly book: PeerBook;
  readonly invites: Invites;
  readonly admission: Admission;
  readonly random: Random;
  readonly log: Logger;
  /** Gives an event to the router. */
  readonly dispatch: (event: RouterEvent) => void;
}

interface Link {
  readonly id: LinkId;
  readonly identity: string;
  readonly connection: Connection;
  readonly sinceMs: number;
}

export interface PeerState {
  readonly identity: string;
  readonly state: 'connected' | 'connecting' | 'offline';
  /** Both ends hold a secret of their own, from an invite. */
  readonly friend: boolean;
  readonly location: number;
  readonly addresses: string[];
  readonly direction?: 'in' | 'out';
  readonly connectedSeconds?: number;
  readonly lastFailure?: string;
}

export class Links {
  readonly #options: LinksOptions;
  /** Text form of the own identity. */
  readonly #name: string;
  readonly #dialler: Dialler;
  /** By the identity of the peer. */
  readonly #links = new Map<string, Link>();
  readonly #byId = new Map<LinkId, Link>();
  /** Connections that have not shown who they are. */
  readonly #unproven = new Set<Connection>();
  #listening: Listening | undefined;
  /** Known once the port is. */
  #self: NodeReference | undefined;
  #nextLink = LOCAL_LINK + 1;
  #lastWallMs = 0;
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#name = toText(options.identity.publicKey);
    this.#dialler = new Dialler({
      random: options.random,
      proxy: options.proxy,
      prepare: (peer) => this.#prepare(peer),
      isLinked: (identity) => this.#links.has(identity),
      find: (identity) => options.book.get(identity),
    });
  }

  /** Listens and begins to dial. @returns host:port as bound. @throws UserError port_in_use */
  async start(listen: { host: string; port: number }): Promise<string> {
    try {
      this.#listening = await listenTcp({ ...listen, accept: (carrier) => this.#accept(carrier) });
    } catch (error) {
      throw listenError(error, listen);
    }
    this.#self = ownReference(this.#options, this.#listening);
    for (const peer of this.#options.book.list()) this.#dialler.dial(peer);
    return formatAddress(this.#listening);
  }

  /** The line for others. */
  reference(): string {
    return this.#own.line;
  }

  /** A line for one friend. @throws UserError too_large, disk_full, disk_failed */
  invite(): { readonly invite: string; readonly expiresSeconds: number } {
    const { secret, expiresSeconds } = this.#options.invites.create(Math.floor(Date.now() / 1_000));
    return { invite: encodeInvite({ inviter: this.#own, secret, expiresSeconds }), expiresSeconds };
  }

  /** @throws ParseError bad_reference, UserError invite_expired, bad_reference */
  join(line: string): PeerState {
    const { inviter, secret, expiresSeconds } = decodeInvite(line);
    if (expiresSeconds <= Date.now() / 1_000)
      throw new UserError('invite_expired', 'this invite has expired: ask for a new one');
    this.#assertOther(inviter);
    const peer = this.#options.book.addInviter(inviter, secret);
    this.#dialler.dial(peer);
    return this.#describe(peer);
  }

  /** @throws ParseError bad_reference, UserError */
  add(reference: string): PeerState {
    this.#assertOther(decodeReference(reference));
    const peer = this.#options.book.add(reference);
    this.#dialler.dial(peer);
    return this.#describe(peer);
  }

  /** @throws UserError peer_unknown */
  remove(identity: string): PeerState {
    const peer = this.#options.book.remove(identity);
    this.#dialler.forget(identity);
    const link = this.#links.get(identity);
    if (link !== undefined) {
      // At once: a closing connection may linger, and the peer may be added again meanwhile.
      this.#down(identity, link);
      link.connection.close('removed');
    }
    return this.#describe(peer);
  }

  list(): PeerState[] {
    return this.#options.book.list().map((peer) => this.#describe(peer));
  }

  send(link: LinkId, message: Message): void {
    // What carries a block is as long as a thousand others: those go first.
    const urgency = 'block' in message ? 'bulk' : 'control';
    this.#byId.get(link)?.connection.send(encodeMessage(message), urgency);
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
    const linked = [...this.#byId.values()].map(({ connection }) => connection);
    for (const connection of [...this.#unproven, ...linked]) connection.close('stopping');
    await this.#listening?.close();
  }

  get #own(): NodeReference {
    assert(this.#self !== undefined, 'a node that has not started has no address');
    return this.#self;
  }

  /** @throws UserError bad_reference */
  #assertOther({ identity }: NodeReference): void {
    if (toText(identity) === this.#name)
      throw new UserError('bad_reference', 'this is the reference of this node itself');
  }

  #accept(carrier: Carrier): CarrierListener {
    const connection = this.#connection('listen');
    if (this.#closed) queueMicrotask(() => carrier.destroy());
    else {
      connection.open(carrier);
      this.#boundCallers();
    }
    return connection;
  }

  /** Own dials are bounded by the book. One of the callers goes, whichever: the newest one may be the next friend. */
  #boundCallers(): void {
    const callers = [...this.#unproven].filter(({ role }) => role === 'listen');
    if (callers.length <= nodeLimits.callers.value) return;
    const [draw = 0] = this.#options.random.bytes(1);
    const victim = callers[draw % callers.length];
    // Not from inside the call that hands a carrier over.
    queueMicrotask(() => victim?.destroy('crowded out'));
  }

  /** A connection for the dialler, which is not open yet. */
  #prepare(peer: KnownPeer): Prepared {
    const connection = this.#connection('dial', peer);
    return {
      received: (bytes) => connection.received(bytes),
      drained: () => connection.drained(),
      closed: (reason) => connection.closed(reason),
      open: (carrier) => connection.open(carrier, { peer: peer.reference, secret: peer.secret }),
      dropped: () => void this.#unproven.delete(connection),
    };
  }

  /** A peer takes only a greater time than the one before, and a clock may be set back or stand still for two calls. */
  #wallMs(): number {
    this.#lastWallMs = Math.max(this.#lastWallMs + 1, Date.now());
    return this.#lastWallMs;
  }

  #connection(role: Role, called?: KnownPeer): Connection {
    const { keys, random, admission } = this.#options;
    let linked: { identity: string; link: Link } | undefined;
    let caller: Caller | undefined;
    const connection: Connection = new Connection({
      role,
      wallClock: () => this.#wallMs(),
      session: { self: this.#own, keys, versions: messageVersions, random, replay: admission.guard },
      listener: {
        admit: (who) => {
          caller = who;
          return admission.admit(who);
        },
        established: () => {
          this.#unproven.delete(connection);
          const peer = this.#proven(caller ?? called);
          if (peer === undefined) connection.destroy('unknown');
          else linked = this.#established(peer, connection);
        },
        delivered: (payload) => {
          if (linked !== undefined) this.#delivered(linked.link, payload);
        },
        closed: (reason) => {
          this.#unproven.delete(connection);
          if (linked !== undefined) this.#down(linked.identity, linked.link);
          const who = linked?.identity ?? called?.identity;
          if (who !== undefined) this.#dialler.ended(who, { reason, own: called !== undefined });
        },
      },
    });
    this.#unproven.add(connection);
    return connection;
  }

  /** The peer as it stands after both ends have confirmed; undefined when it was removed meanwhile or can't be kept. */
  #proven(other: Caller | KnownPeer | undefined): KnownPeer | undefined {
    const { admission, book, log } = this.#options;
    assert(other !== undefined, 'a connection was dialled or admitted');
    try {
      if ('token' in other) return admission.confirm(other);
      admission.joined(other);
      return book.get(other.identity);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log.warn({ code: error.code }, 'a peer can not be kept');
      return undefined;
    }
  }

  #established(
    { identity, reference }: KnownPeer,
    connection: Connection,
  ): { identity: string; link: Link } | undefined {
    const older = this.#links.get(identity);
    if (older !== undefined && !this.#replaces(connection, older.connection, identity)) {
      connection.close('second connection');
      return undefined;
    }
    if (older !== undefined) {
      this.#down(identity, older);
      older.connection.close('second connection');
    }
    const link: Link = { id: this.#nextLink as LinkId, identity, connection, sinceMs: performance.now() };
    this.#nextLink += 1;
    this.#links.set(identity, link);
    this.#byId.set(link.id, link);
    this.#dialler.linked(identity);
    this.#options.dispatch({
      type: 'linkUp',
      link: link.id,
      peer: routingPeer(reference, { costMs: roundTripMs(connection), carrier: this.#carrierOf(connection) }),
      since: link.sinceMs,
    });
    return { identity, link };
  }

  #carrierOf({ role }: Connection): 'tcp' | 'socks5' {
    return role === 'dial' && this.#options.proxy !== undefined ? 'socks5' : 'tcp';
  }

  #replaces(newer: Connection, older: Connection, identity: string): boolean {
    if (newer.role === older.role) return true;
    const smallerDials = this.#name < identity ? 'dial' : 'listen';
    return newer.role === smallerDials;
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

  /** Once for each link: the router is told, and the peer may have another one. */
  #down(identity: string, link: Link): void {
    if (this.#links.get(identity) === link) this.#links.delete(identity);
    if (this.#byId.delete(link.id)) this.#options.dispatch({ type: 'linkDown', link: link.id });
  }

  #describe({ identity, reference, secret }: KnownPeer): PeerState {
    const link = this.#links.get(identity);
    const { dialling, lastFailure } = this.#dialler.state(identity);
    return {
      identity,
      state: link !== undefined ? 'connected' : dialling ? 'connecting' : 'offline',
      friend: secret.type !== 'stranger',
      location: locationOfIdentity(reference.identity),
      addresses: [...reference.addresses],
      ...(link === undefined
        ? {}
        : {
            direction: link.connection.role === 'dial' ? 'out' : 'in',
            connectedSeconds: Math.round((performance.now() - link.sinceMs) / 1_000),
          }),
      ...(lastFailure === undefined ? {} : { lastFailure }),
    };
  }
}

/** From the first byte to the confirmation: about two round trips. */
function roundTripMs({ openedAt }: Connection): number {
  return Math.max(1, (performance.now() - openedAt) / 2);
}

function listenError(error: unknown, { host, port }: { host: string; port: number }): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'EADDRINUSE')
    return new UserError('port_in_use', `${host}:${port} is in use`, { cause: error });
  return new UserError('config_invalid', `can't listen on ${host}:${port}: ${String(error.code)}`, {
    cause: error,
  });
}
