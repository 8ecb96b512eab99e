/**
 * Connections until both ends have shown who they are: those that others open, and those that were dialled. Who is answered is
 * admission.ts; what becomes of a connection that has come so far is links.ts.
 *
 * Invariants: no more than `callers` connections of others wait here; the time in an opening is greater than in the one before.
 */
import type { Logger } from 'pino';
import { type Random, assert, toText } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { messageVersions } from '../../routing/index.ts';
import type { Carrier, CarrierListener, LinkKeys, LinkSecret, NodeReference } from '../../transport/index.ts';
import type { Admission } from './admission.ts';
import { type Caller, Connection } from './connection.ts';
import type { Prepared } from './dialler.ts';
import { nodeLimits } from './limits.ts';
import type { KnownPeer, PeerBook } from './peer-book.ts';

export interface HandshakesOptions<Link> {
  readonly keys: LinkKeys;
  readonly random: Random;
  readonly log: Logger;
  readonly book: PeerBook;
  readonly admission: Admission;
  /** The own reference; asked once the node listens. */
  readonly self: () => NodeReference;
  /** Whose a caller may be together with others (place.ts). */
  readonly groupOf: (host: string | undefined, identity: string) => string;
  /** Undefined when the connection does not become a link. */
  readonly established: (peer: KnownPeer, made: Made) => Link | undefined;
  readonly delivered: (link: Link, payload: Uint8Array) => void;
  /** `identity` is undefined when nobody knows who it was. */
  readonly ended: (how: {
    identity: string | undefined;
    link: Link | undefined;
    reason: string;
    /** Whether this node has dialled it, and if no address answered, there was no connection at all. */
    way: 'called' | 'dialled' | 'unanswered';
  }) => void;
}

/** A connection that both ends have confirmed, and how it came to be. */
export interface Made {
  readonly connection: Connection;
  readonly secret: LinkSecret;
  /** Where it was dialled, or where it has called from. */
  readonly host: string | undefined;
}

/** Who is at the other end, as far as it is known. */
interface Other extends Omit<Made, 'connection'> {
  readonly who: Caller | KnownPeer;
}

export class Handshakes<Link> {
  readonly #options: HandshakesOptions<Link>;
  readonly #unproven = new Set<Connection>();
  #lastWallMs = 0;

  constructor(options: HandshakesOptions<Link>) {
    this.#options = options;
  }

  /** Of somebody who has connected from `host`. */
  accept(carrier: Carrier, host: string | undefined): CarrierListener {
    let caller: Other | undefined;
    const connection: Connection = this.#connection({
      role: 'listen',
      other: () => caller,
      admit: async (who) => {
        const { admission, groupOf } = this.#options;
        const group = groupOf(host, toText(who.identity));
        const verdict = await admission.admit(who, { connection, group });
        if (verdict.type === 'accepted') caller = { who, secret: verdict.secret, host };
        return verdict;
      },
      prove: ({ who }) => ('token' in who ? this.#options.admission.confirm(who) : undefined),
      way: 'called',
    });
    connection.open(carrier);
    this.#boundCallers();
    return connection;
  }

  /** For the dialler: not open yet. */
  prepare(peer: KnownPeer): Prepared {
    const { book, admission, ended } = this.#options;
    const { identity, reference, secret } = peer;
    const isNamed = book.get(identity) !== undefined;
    let called: Other | undefined;
    const connection = this.#connection({
      role: 'dial',
      other: () => called,
      admit: () => Promise.resolve({ type: 'refused' }),
      prove: () => {
        admission.joined(peer);
        // Who was named and is no longer has been removed meanwhile, and is not wanted as a stranger either.
        return book.get(identity) ?? (isNamed ? undefined : peer);
      },
      way: 'dialled',
      identity,
    });
    return {
      received: (bytes) => connection.received(bytes),
      drained: () => connection.drained(),
      closed: (reason) => connection.closed(reason),
      open: (carrier, host) => {
        called = { who: peer, secret, host };
        connection.open(carrier, { peer: reference, secret });
      },
      dropped: (reason) => {
        this.#unproven.delete(connection);
        ended({ identity, link: undefined, reason, way: 'unanswered' });
      },
    };
  }

  close(reason: string): void {
    for (const connection of this.#unproven) connection.close(reason);
  }

  #connection(of: {
    role: Connection['role'];
    other: () => Other | undefined;
    admit: ConstructorParameters<typeof Connection>[0]['listener']['admit'];
    prove: (other: Other) => KnownPeer | undefined;
    way: 'called' | 'dialled';
    /** Of whom it calls. */
    identity?: string;
  }): Connection {
    const { keys, random, admission, self, established, delivered, ended } = this.#options;
    let identity = of.identity;
    let link: Link | undefined;
    const connection: Connection = new Connection({
      role: of.role,
      wallClock: () => this.#wallMs(),
      session: { self: self(), keys, versions: messageVersions, random, replay: admission.guard },
      listener: {
        admit: of.admit,
        established: () => {
          this.#unproven.delete(connection);
          const other = of.other();
          assert(other !== undefined, 'a connection was dialled or admitted');
          const peer = this.#proven(() => of.prove(other));
          if (peer === undefined) {
            connection.destroy('unknown');
            return;
          }
          const { secret, host } = other;
          link = established(peer, { connection, secret, host });
          if (link !== undefined) ({ identity } = peer);
        },
        delivered: (payload) => {
          if (link !== undefined) delivered(link, payload);
        },
        closed: (reason) => {
          this.#unproven.delete(connection);
          admission.left(connection);
          ended({ identity, link, reason, way: of.way });
        },
      },
    });
    this.#unproven.add(connection);
    return connection;
  }

  /** The peer as it stands after both ends have confirmed; undefined when it was removed meanwhile or can't be kept. */
  #proven(prove: () => KnownPeer | undefined): KnownPeer | undefined {
    try {
      return prove();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#options.log.warn({ code: error.code }, 'a peer can not be kept');
      return undefined;
    }
  }

  /** Own dials are bounded by book and router. One of the callers goes, whichever: the newest one may be the next friend. */
  #boundCallers(): void {
    const callers = [...this.#unproven].filter(({ role }) => role === 'listen');
    if (callers.length <= nodeLimits.callers.value) return;
    const [draw = 0] = this.#options.random.bytes(1);
    const victim = callers[draw % callers.length];
    // Not from inside the call that hands a carrier over.
    queueMicrotask(() => victim?.destroy('crowded out'));
  }

  /** A peer takes only a greater time than the one before, and a clock may be set back or stand still for two calls. */
  #wallMs(): number {
    this.#lastWallMs = Math.max(this.#lastWallMs + 1, Date.now());
    return this.#lastWallMs;
  }
}
