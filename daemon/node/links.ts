/**
 * The links of this node: it lets in the peers that dial, opens sessions with those that were dialled, and gives the router one
 * link a peer. Only peers of the book get a link; a stranger is turned away before anything is signed.
 *
 * When both sides dial at once there are two connections for a moment. Both sides keep the one that the smaller identity dialled,
 * so that they keep the same one. Two by the same side mean that it has come back: the newer one stays.
 *
 * Invariant: to the router a peer has at most one link at a time, and a link that comes up later has another id.
 */
import type { Logger } from 'pino';
import {
  type Identity,
  ParseError,
  type PublicKey,
  type Random,
  locationOfIdentity,
  toText,
} from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import {
  LOCAL_LINK,
  type LinkId,
  type Message,
  type Peer,
  type RouterEvent,
  type Verdict,
  decodeMessage,
  encodeMessage,
  messageVersions,
} from '../../routing/index.ts';
import {
  type Carrier,
  type CarrierListener,
  type Role,
  encodeReference,
  formatAddress,
  parseAddress,
  transportLimits,
} from '../../transport/index.ts';
import { reachableAddresses } from '../host/addresses.ts';
import { type Listening, listenTcp } from '../host/tcp.ts';
import { Connection } from './connection.ts';
import { Dialler, type Prepared } from './dialler.ts';
import { nodeLimits } from './limits.ts';
import type { KnownPeer, PeerBook } from './peer-book.ts';

export interface LinksOptions {
  readonly identity: Identity;
  readonly network: Uint8Array;
  readonly book: PeerBook;
  readonly random: Random;
  readonly log: Logger;
  /** Gives an event to the router. */
  readonly dispatch: (event: RouterEvent) => void;
}

interface Link {
  readonly id: LinkId;
  readonly connection: Connection;
  readonly sinceMs: number;
}

export interface PeerState {
  readonly identity: string;
  readonly state: 'connected' | 'connecting' | 'offline';
  readonly location: number;
  readonly addresses: string[];
  readonly direction?: 'in' | 'out';
  readonly connectedSeconds?: number;
  readonly lastFailure?: string;
}

export class Links {
  readonly #options: LinksOptions;
  readonly #own: string;
  readonly #dialler: Dialler;
  /** By the identity of the peer. */
  readonly #links = new Map<string, Link>();
  readonly #connections = new Map<LinkId, Connection>();
  /** Connections that have not shown who they are. */
  readonly #unproven = new Set<Connection>();
  #listening: Listening | undefined;
  #nextLink = LOCAL_LINK + 1;
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#own = toText(options.identity.publicKey);
    this.#dialler = new Dialler({
      random: options.random,
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
    for (const peer of this.#options.book.list()) this.#dialler.dial(peer);
    return formatAddress(this.#listening);
  }

  /** The line for others. */
  reference(): string {
    const addresses =
      this.#listening === undefined
        ? []
        : reachableAddresses(this.#listening).slice(0, transportLimits.referenceAddresses.value);
    const { identity, network } = this.#options;
    return encodeReference({ identity, network, addresses });
  }

  /** @throws ParseError bad_reference, UserError */
  add(reference: string): PeerState {
    const peer = this.#options.book.add(reference);
    if (peer.identity === this.#own) {
      this.#options.book.remove(peer.identity);
      throw new UserError('bad_reference', 'this is the reference of this node itself');
    }
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
    this.#connections.get(link)?.send(encodeMessage(message));
  }

  verdict(link: LinkId, verdict: Verdict): void {
    if (verdict === 'silent') return;
    this.#options.log.warn({ verdict }, 'a peer is disconnected');
    this.#connections.get(link)?.destroy(verdict);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#dialler.close();
    for (const connection of [...this.#unproven, ...this.#connections.values()]) connection.close('stopping');
    await this.#listening?.close();
  }

  /** Unproven ones that were opened by others: own dials are bounded by the book and may all hang. */
  get #callers(): number {
    return [...this.#unproven].filter(({ role }) => role === 'listen').length;
  }

  #accept(carrier: Carrier): CarrierListener {
    const connection = this.#connection(
      'listen',
      ({ identity }) => this.#options.book.get(identity) !== undefined,
    );
    if (this.#closed || this.#callers > nodeLimits.handshakesInWork.value) {
      // Not from inside the call that hands the carrier over.
      queueMicrotask(() => carrier.destroy());
      return connection;
    }
    connection.open(carrier);
    return connection;
  }

  /** A connection for the dialler, which is not open yet. */
  #prepare(peer: KnownPeer): Prepared {
    const connection = this.#connection('dial', ({ identity }) => identity === peer.identity, peer.identity);
    return Object.assign(connection, { dropped: () => void this.#unproven.delete(connection) });
  }

  #connection(role: Role, accepts: (who: { identity: string }) => boolean, dialled?: string): Connection {
    const { identity, network, random } = this.#options;
    let linked: { identity: string; link: Link } | undefined;
    const connection: Connection = new Connection({
      role,
      session: {
        identity,
        network,
        versions: messageVersions,
        random,
        accepts: (key) => accepts({ identity: toText(key) }),
      },
      listener: {
        established: (key) => {
          this.#unproven.delete(connection);
          linked = this.#established(key, connection);
        },
        delivered: (payload) => {
          if (linked !== undefined) this.#delivered(linked.link, payload);
        },
        closed: (reason) => {
          this.#unproven.delete(connection);
          if (linked !== undefined) this.#down(linked.identity, linked.link);
          const who = linked?.identity ?? dialled;
          if (who !== undefined) this.#dialler.ended(who, { reason, own: dialled !== undefined });
        },
      },
    });
    this.#unproven.add(connection);
    return connection;
  }

  #established(key: PublicKey, connection: Connection): { identity: string; link: Link } | undefined {
    const identity = toText(key);
    const peer = this.#options.book.get(identity);
    const older = this.#links.get(identity);
    if (
      peer === undefined ||
      (older !== undefined && !this.#replaces(connection, older.connection, identity))
    ) {
      connection.close('second connection');
      return undefined;
    }
    if (older !== undefined) {
      this.#down(identity, older);
      older.connection.close('second connection');
    }
    const link: Link = { id: this.#nextLink as LinkId, connection, sinceMs: performance.now() };
    this.#nextLink += 1;
    this.#links.set(identity, link);
    this.#connections.set(link.id, connection);
    this.#dialler.linked(identity);
    this.#options.dispatch({
      type: 'linkUp',
      link: link.id,
      peer: routingPeer(peer, connection),
      since: link.sinceMs,
    });
    return { identity, link };
  }

  #replaces(newer: Connection, older: Connection, identity: string): boolean {
    if (newer.role === older.role) return true;
    const smallerDials = this.#own < identity ? 'dial' : 'listen';
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
    if (this.#connections.delete(link.id)) this.#options.dispatch({ type: 'linkDown', link: link.id });
  }

  #describe({ identity, publicKey, addresses }: KnownPeer): PeerState {
    const link = this.#links.get(identity);
    const { dialling, lastFailure } = this.#dialler.state(identity);
    return {
      identity,
      state: link !== undefined ? 'connected' : dialling ? 'connecting' : 'offline',
      location: locationOfIdentity(publicKey),
      addresses: [...addresses],
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

function routingPeer({ identity, publicKey, addresses }: KnownPeer, connection: Connection): Peer {
  return {
    identity,
    location: locationOfIdentity(publicKey),
    group: groupOf(addresses, identity),
    // From the first byte to the last signature: about two round trips.
    cost: Math.max(1, (performance.now() - connection.openedAt) / 2),
    carrier: 'tcp',
  };
}

/** Nodes of one /16 may be one operator's. On loopback every node is its own: test networks have no other addresses. */
function groupOf(addresses: readonly string[], identity: string): string {
  const host = addresses[0] === undefined ? '' : parseAddress(addresses[0]).host;
  if (host === '' || host.startsWith('127.') || host === '::1' || host === 'localhost') return identity;
  const octets = /^(\d+\.\d+)\.\d+\.\d+$/.exec(host);
  return octets?.[1] ?? host;
}

function listenError(error: unknown, { host, port }: { host: string; port: number }): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'EADDRINUSE')
    return new UserError('port_in_use', `${host}:${port} is in use`, { cause: error });
  return new UserError('config_invalid', `can't listen on ${host}:${port}: ${String(error.code)}`, {
    cause: error,
  });
}
