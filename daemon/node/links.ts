/**
 * The links of this node: it dials the peers of the book and keeps dialling, lets in those that dial, and gives the router one
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
} from '../../transport/index.ts';
import { type Listening, dialTcp, listenTcp } from '../host/tcp.ts';
import { Connection } from './connection.ts';
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

/** How a peer of the book stands. */
interface Standing {
  link: Link | undefined;
  dialling: boolean;
  redial: NodeJS.Timeout | undefined;
  failures: number;
  lastFailure: string | undefined;
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
  readonly #standings = new Map<string, Standing>();
  readonly #connections = new Map<LinkId, Connection>();
  /** Connections that have not shown who they are. */
  readonly #unproven = new Set<Connection>();
  #listening: Listening | undefined;
  #nextLink = LOCAL_LINK + 1;
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#own = toText(options.identity.publicKey);
  }

  /** Listens and begins to dial. @returns host:port as bound. @throws UserError port_in_use */
  async start(listen: { host: string; port: number }): Promise<string> {
    try {
      this.#listening = await listenTcp({ ...listen, accept: (carrier) => this.#accept(carrier) });
    } catch (error) {
      throw listenError(error, listen);
    }
    for (const peer of this.#options.book.list()) this.#dial(peer);
    return formatAddress(this.#listening);
  }

  /** The line for others. */
  reference(): string {
    const addresses = this.#listening === undefined ? [] : [formatAddress(this.#listening)];
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
    this.#dial(peer);
    return this.#describe(peer);
  }

  /** @throws UserError peer_unknown */
  remove(identity: string): PeerState {
    const peer = this.#options.book.remove(identity);
    const standing = this.#standing(identity);
    clearTimeout(standing.redial);
    if (standing.link !== undefined) {
      // At once: a closing connection may linger, and the peer may be added again meanwhile.
      this.#down(standing.link.id);
      standing.link.connection.close('removed');
    }
    this.#standings.delete(identity);
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
    for (const { redial } of this.#standings.values()) clearTimeout(redial);
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

  #dial(peer: KnownPeer): void {
    const standing = this.#standing(peer.identity);
    if (this.#closed || standing.dialling || standing.link !== undefined) return;
    clearTimeout(standing.redial);
    standing.dialling = true;
    void this.#tryAddresses(peer, standing);
  }

  async #tryAddresses(peer: KnownPeer, standing: Standing): Promise<void> {
    const connection = this.#connection('dial', ({ identity }) => identity === peer.identity, peer.identity);
    for (const text of peer.addresses) {
      try {
        const carrier = await dialTcp({ ...parseAddress(text), listener: connection });
        if (this.#closed) carrier.destroy();
        else connection.open(carrier);
        return;
      } catch (error) {
        standing.lastFailure = `${text}: ${error instanceof Error && 'code' in error ? String(error.code) : String(error)}`;
      }
    }
    this.#unproven.delete(connection);
    standing.dialling = false;
    this.#redialLater(peer.identity);
  }

  /** The dial led to no link, or the link has ended: tries again later, and later each time. */
  #redialLater(identity: string): void {
    const peer = this.#options.book.get(identity);
    const standing = this.#standing(identity);
    if (
      this.#closed ||
      standing.dialling ||
      peer === undefined ||
      peer.addresses.length === 0 ||
      standing.link !== undefined
    )
      return;
    const { dialFirstMs, dialMostMs } = nodeLimits;
    const waitMs = Math.min(dialMostMs.value, dialFirstMs.value * 2 ** Math.min(standing.failures, 16));
    standing.failures += 1;
    const [jitter = 0] = this.#options.random.bytes(1);
    clearTimeout(standing.redial);
    standing.redial = setTimeout(() => this.#dial(peer), waitMs * (0.75 + jitter / 512));
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
          const who = linked?.identity ?? dialled;
          if (linked !== undefined) this.#linkClosed(linked);
          if (who === undefined) return;
          const standing = this.#standing(who);
          standing.lastFailure = reason;
          if (dialled !== undefined) standing.dialling = false;
          this.#redialLater(who);
        },
      },
    });
    this.#unproven.add(connection);
    return connection;
  }

  #established(key: PublicKey, connection: Connection): { identity: string; link: Link } | undefined {
    const identity = toText(key);
    const peer = this.#options.book.get(identity);
    const standing = this.#standing(identity);
    if (
      peer === undefined ||
      (standing.link !== undefined && !this.#replaces(connection, standing.link.connection, identity))
    ) {
      connection.close('second connection');
      return undefined;
    }
    if (standing.link !== undefined) {
      const { id, connection: old } = standing.link;
      standing.link = undefined;
      this.#down(id);
      old.close('second connection');
    }
    const link: Link = { id: this.#nextLink as LinkId, connection, sinceMs: performance.now() };
    this.#nextLink += 1;
    standing.link = link;
    standing.dialling = false;
    standing.failures = 0;
    standing.lastFailure = undefined;
    this.#connections.set(link.id, connection);
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

  #linkClosed({ identity, link }: { identity: string; link: Link }): void {
    const standing = this.#standing(identity);
    if (standing.link === link) standing.link = undefined;
    this.#down(link.id);
  }

  #down(link: LinkId): void {
    if (this.#connections.delete(link)) this.#options.dispatch({ type: 'linkDown', link });
  }

  #standing(identity: string): Standing {
    let standing = this.#standings.get(identity);
    if (standing === undefined) {
      standing = { link: undefined, dialling: false, redial: undefined, failures: 0, lastFailure: undefined };
      this.#standings.set(identity, standing);
    }
    return standing;
  }

  #describe({ identity, publicKey, addresses }: KnownPeer): PeerState {
    const { link, dialling, lastFailure } = this.#standing(identity);
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
