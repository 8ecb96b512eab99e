/**
 * The one secret that everything on disk hangs on, and the keys that follow from it (docs/spec/node.md, 2). It lies in
 * `keys/master`, which is master-file.ts's; nothing is sealed under it directly.
 */
import { KEY_BYTES, assert, primitives } from '../../keys/index.ts';

/** What is sealed on disk, each under a key of its own: who learns one learns nothing of the others. */
export type DiskKeyName =
  'store' | 'clientCache' | 'keyring' | 'peers' | 'invites' | 'callers' | 'strangers' | 'stem';

const EMPTY = new Uint8Array(0);

export class MasterKey {
  /** 32 bytes; zero once it is wiped. */
  readonly bytes: Uint8Array;
  #state: 'there' | 'wiped' = 'there';

  constructor(bytes: Uint8Array) {
    assert(bytes.length === KEY_BYTES, `a master key has ${KEY_BYTES} bytes`);
    this.bytes = Uint8Array.from(bytes);
  }

  /** 32 bytes, the same for a name each time. */
  diskKey(name: DiskKeyName): Uint8Array {
    assert(this.#state === 'there', 'nothing is sealed under a key that was wiped');
    return primitives.hkdfSha256({
      ikm: this.bytes,
      salt: EMPTY,
      info: Buffer.from(`mimeo/disk/${name}`),
      length: KEY_BYTES,
    });
  }

  /** Best effort: the collector may have copied what was derived. */
  wipe(): void {
    this.#state = 'wiped';
    this.bytes.fill(0);
  }
}
