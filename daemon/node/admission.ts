/**
 * Who is answered of those who call, and under which secret: peers of the book, whoever comes with an invite of this node, and in a
 * network of strangers these too, as far as there is room (docs/spec/node.md, 5). It also keeps on disk which openings were let in, so
 * that a recorded one is refused after a restart too.
 *
 * It sees callers that know this node's reference; everybody else is left unanswered by the session itself.
 * Invariants: nobody is let in before the timestamp of the opening is durable; who shares a secret is let in under that alone.
 */
import { ParseError, type PublicKey, type Random, toText } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { type LinkSecret, ReplayGuard, type Verdict, pairSecret } from '../../transport/index.ts';
import type { Caller, Connection } from './connection.ts';
import type { Invites } from './invites.ts';
import { type KnownPeer, type PeerBook, stranger } from './peer-book.ts';
import { SealedFile } from './sealed-file.ts';
import type { StrangerRoom } from './stranger-room.ts';

export interface AdmissionOptions {
  /** Of this node. */
  readonly identity: PublicKey;
  readonly book: PeerBook;
  readonly invites: Invites;
  /** Undefined where nobody is let in that the owner has not named. */
  readonly room: StrangerRoom<Connection> | undefined;
  /** Where the timestamps are kept, and the 32 bytes that they are sealed under. */
  readonly path: string;
  readonly key: Uint8Array;
  readonly random: Random;
}

const REFUSED: Verdict = { type: 'refused' };

export class Admission {
  readonly guard: ReplayGuard;
  readonly #options: AdmissionOptions;
  readonly #file: SealedFile;

  /** @throws UserError */
  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#file = SealedFile.open({ ...options, name: 'callers' });
    this.guard = restore(this.#file);
  }

  /** `from.group`: where the caller is (place.ts), as the socket says it and not the caller. */
  async admit(caller: Caller, from: { connection: Connection; group: string }): Promise<Verdict> {
    const secret = this.#secretFor(caller) ?? this.#asStranger(caller, from);
    if (secret === undefined || !this.guard.accept(caller)) return REFUSED;
    try {
      await this.#file.save(this.guard.save());
    } catch (error) {
      // A disk that can't remember the opening would let it in again.
      if (error instanceof UserError) return REFUSED;
      throw error;
    }
    return { type: 'accepted', secret };
  }

  /** The connection has ended, whoever it was. */
  left(connection: Connection): void {
    this.#options.room?.leave(connection);
  }

  /** The caller has confirmed the handshake: what it came with is true, and an invite is its own from now on. */
  confirm({ reference, inviteId }: Caller): KnownPeer | undefined {
    const { book, invites, identity: inviterKey } = this.#options;
    const identity = toText(reference.identity);
    const secret = inviteId === undefined ? undefined : invites.find(inviteId, by(identity));
    if (secret === undefined) {
      const known = book.get(identity);
      if (known !== undefined) this.joined(known);
      book.renew(reference);
      // Who was removed meanwhile is a stranger now, and where there are none that is nobody.
      return book.get(identity) ?? (this.#options.room === undefined ? undefined : stranger(reference));
    }
    invites.use(secret, identity);
    return book.befriend(reference, pairSecret({ secret, inviterKey, joinerKey: reference.identity }));
  }

  /** The node whose invite was pasted here has answered, or has called by itself: the invite was good. */
  joined({ identity, reference, secret }: KnownPeer): void {
    const { book } = this.#options;
    if (secret.type !== 'invite' || book.get(identity) === undefined) return;
    book.befriend(reference, this.#pairWith(reference.identity, secret));
  }

  #pairWith(inviterKey: PublicKey, { inviteSecret }: Extract<LinkSecret, { type: 'invite' }>): Uint8Array {
    return pairSecret({ secret: inviteSecret, inviterKey, joinerKey: this.#options.identity });
  }

  /** Who comes with an invite that is no good is no stranger: it could not read the reply. */
  #asStranger(
    { reference, inviteId }: Caller,
    { connection, group }: { connection: Connection; group: string },
  ): LinkSecret | undefined {
    const { room } = this.#options;
    if (room === undefined || inviteId !== undefined) return undefined;
    return room.enter(connection, { group, now: performance.now() }) ? stranger(reference).secret : undefined;
  }

  #secretFor({ identity: key, inviteId }: Caller): LinkSecret | undefined {
    const { book, invites } = this.#options;
    const identity = toText(key);
    if (inviteId === undefined) {
      const secret = book.get(identity)?.secret;
      // The inviter calls: to it the first link came up, and the pair is made.
      return secret?.type === 'invite' ? { type: 'pair', pairSecret: this.#pairWith(key, secret) } : secret;
    }
    const inviteSecret = invites.find(inviteId, by(identity));
    return inviteSecret === undefined ? undefined : { type: 'invite', inviteSecret };
  }
}

function by(identity: string): { identity: string; nowSeconds: number } {
  return { identity, nowSeconds: Date.now() / 1_000 };
}

/** @throws UserError state_damaged */
function restore({ content, path }: SealedFile): ReplayGuard {
  try {
    return content === undefined ? new ReplayGuard() : ReplayGuard.restore(content);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new UserError('state_damaged', `${path} opens and does not say who has called`, { cause: error });
  }
}
