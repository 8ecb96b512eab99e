/**
 * The invites that this node has given out and that are still good, in a sealed file (docs/spec/node.md, 5). An invite makes one
 * friend: once a link has shown that its bearer holds the secret it is that bearer's, and nobody else's, until it expires. So a
 * friend whose first link broke half-way can come again.
 *
 * Invariant: an invite that was answered to the owner is on disk, and so is who has used it before the friend is let in.
 */
import {
  type CborValue,
  ParseError,
  type Random,
  decodeCbor,
  encodeCbor,
  equalBytes,
} from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { inviteId } from '../../transport/index.ts';
import { nodeLimits } from './limits.ts';
import { SealedFile } from './sealed-file.ts';

interface OpenInvite {
  /** 32 bytes. */
  readonly secret: Uint8Array;
  readonly expiresSeconds: number;
  /** Text form of an identity; empty until it was used. */
  readonly usedBy: string;
}

const FORMAT = 1;
const SECRET_BYTES = 32;

export class Invites {
  readonly #file: SealedFile;
  readonly #random: Random;
  #open: readonly OpenInvite[];

  /** @throws UserError */
  constructor(options: { path: string; key: Uint8Array; random: Random }) {
    this.#file = SealedFile.open({ ...options, name: 'invites' });
    this.#random = options.random;
    this.#open = this.#restore();
  }

  /** @throws UserError too_large, disk_full, disk_failed */
  create(nowSeconds: number): { readonly secret: Uint8Array; readonly expiresSeconds: number } {
    const open = this.#open.filter(({ expiresSeconds }) => expiresSeconds > nowSeconds);
    const { openInvites, inviteDays } = nodeLimits;
    if (open.length >= openInvites.value) {
      throw new UserError('too_large', `at most ${openInvites.value} invites can be open at a time`);
    }
    const secret = this.#random.bytes(SECRET_BYTES);
    const expiresSeconds = nowSeconds + inviteDays.value * 86_400;
    this.#save([...open, { secret, expiresSeconds, usedBy: '' }]);
    return { secret, expiresSeconds };
  }

  /** The secret of an invite that this identity may use now. */
  find(id: Uint8Array, by: { identity: string; nowSeconds: number }): Uint8Array | undefined {
    const invite = this.#open.find(({ secret }) => equalBytes(inviteId(secret), id));
    if (invite === undefined || invite.expiresSeconds <= by.nowSeconds) return undefined;
    return invite.usedBy === '' || invite.usedBy === by.identity ? invite.secret : undefined;
  }

  /** @throws UserError disk_full, disk_failed */
  use(used: Uint8Array, identity: string): void {
    this.#save(
      this.#open.map((invite) =>
        equalBytes(invite.secret, used) ? { ...invite, usedBy: identity } : invite,
      ),
    );
  }

  #save(open: readonly OpenInvite[]): void {
    const invites = open.map(({ secret, expiresSeconds, usedBy }): CborValue => ({
      key: secret,
      exp: expiresSeconds,
      by: usedBy,
    }));
    this.#file.replace(encodeCbor({ v: FORMAT, invites }));
    this.#open = open;
  }

  #restore(): OpenInvite[] {
    const { content, path } = this.#file;
    try {
      return content === undefined ? [] : decodeInvites(content);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      throw new UserError('state_damaged', `${path} opens and holds no invites`, { cause: error });
    }
  }
}

/** @throws ParseError bad_cbor */
function decodeInvites(content: Uint8Array): OpenInvite[] {
  const all = decodeCbor(content) as { v?: unknown; invites?: unknown } | null;
  if (all?.v !== FORMAT || !Array.isArray(all.invites)) throw new ParseError('bad_cbor', 'no invites');
  return all.invites.map((entry: { key?: unknown; exp?: unknown; by?: unknown } | null) => {
    const { key, exp, by } = entry ?? {};
    if (!(key instanceof Uint8Array) || typeof exp !== 'number' || typeof by !== 'string')
      throw new ParseError('bad_cbor', 'no invite');
    return { secret: Uint8Array.from(key), expiresSeconds: exp, usedBy: by };
  });
}
