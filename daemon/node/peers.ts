/**
 * What the owner says about peers: whom to have, whom to invite, whom to forget, and who is there (docs/spec/node.md, 5). What it
 * answers is in the book by then; the links follow.
 */
import { locationOfIdentity, toText } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { type NodeReference, decodeInvite, decodeReference, encodeInvite } from '../../transport/index.ts';
import type { Invites } from './invites.ts';
import type { Links, LinkState } from './links.ts';
import { type KnownPeer, type PeerBook, stranger } from './peer-book.ts';
import { type Relation, whyInWords } from './reasons.ts';

export interface PeersOptions {
  readonly book: PeerBook;
  readonly invites: Invites;
  readonly links: Links;
  /** The owner has named a node: a way into the network, if it has strangers. */
  readonly named: () => void;
}

export interface PeerState {
  readonly identity: string;
  readonly state: 'connected' | 'connecting' | 'offline';
  /** `friend`: both ends hold a secret of their own, from an invite. `chosen`: the owner has named it. `stranger`: it was found. */
  readonly tie: 'friend' | 'chosen' | 'stranger';
  readonly friend: boolean;
  readonly location: number;
  readonly addresses: string[];
  readonly direction?: 'in' | 'out';
  readonly connectedSeconds?: number;
  readonly lastFailure?: string;
}

export class Peers {
  readonly #options: PeersOptions;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** The line for others. */
  reference(): string {
    return this.#options.links.own.line;
  }

  /** A line for one friend. @throws UserError too_large, disk_full, disk_failed */
  invite(): { readonly invite: string; readonly expiresSeconds: number } {
    const { invites, links } = this.#options;
    const { secret, expiresSeconds } = invites.create(Math.floor(Date.now() / 1_000));
    return { invite: encodeInvite({ inviter: links.own, secret, expiresSeconds }), expiresSeconds };
  }

  /** @throws ParseError bad_reference, UserError invite_expired, bad_reference */
  join(line: string): PeerState {
    if (line.trim().startsWith(REFERENCE)) throw mistaken('a reference', 'mimeo peer add');
    const { inviter, secret, expiresSeconds } = decodeInvite(line);
    if (expiresSeconds <= Date.now() / 1_000) {
      const [until, now] = [expiresSeconds * 1_000, Date.now()].map(
        (ms) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
      );
      throw new UserError(
        'invite_expired',
        `this invite was good until ${until}, and this machine says it is ${now}`,
      );
    }
    this.#assertOther(inviter);
    return this.#begin(this.#options.book.addInviter(inviter, secret));
  }

  /** @throws ParseError bad_reference, UserError */
  add(reference: string): PeerState {
    if (reference.trim().startsWith(INVITE)) throw mistaken('an invite', 'mimeo join');
    this.#assertOther(decodeReference(reference));
    return this.#begin(this.#options.book.add(reference));
  }

  /** @throws UserError peer_unknown */
  remove(identity: string): PeerState {
    const peer = this.#options.book.remove(identity);
    this.#options.links.forget(identity);
    return this.#describe(peer);
  }

  /** Those of the book, and then the strangers that are linked. */
  list(): PeerState[] {
    const { book, links } = this.#options;
    const named = book.list();
    const strangers = links.list().filter(({ identity }) => book.get(identity) === undefined);
    return [...named, ...strangers.map(({ reference }) => stranger(reference))].map((peer) =>
      this.#describe(peer),
    );
  }

  #begin(peer: KnownPeer): PeerState {
    this.#options.links.renew(peer);
    this.#options.named();
    return this.#describe(peer);
  }

  /** @throws UserError bad_reference */
  #assertOther({ identity }: NodeReference): void {
    if (toText(identity) === toText(this.#options.links.own.identity))
      throw new UserError('bad_reference', 'this is the reference of this node itself');
  }

  #describe({ identity, reference, secret }: KnownPeer): PeerState {
    const { book, links } = this.#options;
    const link = links.linkWith(identity);
    const { dialling, lastFailure } = links.callState(identity);
    const isNamed = book.get(identity) !== undefined;
    const friend = secret.type !== 'stranger';
    return {
      identity,
      state: link !== undefined ? 'connected' : dialling ? 'connecting' : 'offline',
      tie: friend ? 'friend' : isNamed ? 'chosen' : 'stranger',
      friend,
      location: locationOfIdentity(reference.identity),
      addresses: [...reference.addresses],
      ...(link === undefined ? {} : linked(link)),
      ...(lastFailure === undefined ? {} : { lastFailure: inWords(lastFailure, book.relationTo(identity)) }),
    };
  }
}

const REFERENCE = 'mimeo-node:';
const INVITE = 'mimeo-invite:';

function mistaken(what: string, takes: string): UserError {
  return new UserError('bad_reference', `this is ${what}: \`${takes}\` takes it`);
}

function inWords(reason: string, relation: Relation): string {
  const { address, words } = whyInWords(reason, relation);
  return address === undefined ? words : `${address}: ${words}`;
}

function linked({ direction, sinceMs }: LinkState): Pick<PeerState, 'direction' | 'connectedSeconds'> {
  return { direction, connectedSeconds: Math.round((performance.now() - sinceMs) / 1_000) };
}
