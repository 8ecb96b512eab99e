/**
 * A state file that says nothing to who has the disk but not the master key: sealed under a key of its own, with its name bound
 * in, and padded so that its length tells little (docs/spec/node.md, 3). It does not know what the content means, and does not
 * hide that it was rewritten, or when.
 *
 * Invariant: a file that does not open is never written over, because whoever writes has a `SealedFile`, and there is none.
 */
import { statSync } from 'node:fs';
import { type Random, TAG_BYTES, assert, primitives } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { nodeLimits } from './limits.ts';
import { readStateFile, writeStateFile, writeStateFileAside } from './state-file.ts';

const VERSION = 1;
const NONCE_BYTES = 24;
const LENGTH_BYTES = 4;
const HEAD_BYTES = 1 + NONCE_BYTES;
const STEP_BYTES = 4_096;

export interface SealedFileOptions {
  readonly path: string;
  /** Bound in: a file under another name or key does not open. */
  readonly name: string;
  /** 32 bytes, for files of this name alone. */
  readonly key: Uint8Array;
  readonly random: Random;
}

export class SealedFile {
  readonly path: string;
  readonly #options: SealedFileOptions;
  #content: Uint8Array | undefined;
  #saved: Uint8Array | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: SealedFileOptions, content: Uint8Array | undefined) {
    this.path = options.path;
    this.#options = options;
    this.#content = content;
  }

  /** @throws UserError state_damaged, data_dir_format, disk_failed */
  static open(options: SealedFileOptions): SealedFile {
    const bytes = readBounded(options.path);
    return new SealedFile(options, bytes === undefined ? undefined : unseal(bytes, options));
  }

  /** Undefined where there is no file yet. */
  get content(): Uint8Array | undefined {
    return this.#content;
  }

  /** Durable when it returns. @throws UserError too_large, disk_full, disk_failed: then the old content stands */
  replace(content: Uint8Array): void {
    writeStateFile(this.path, seal(content, this.#options));
    this.#content = content;
  }

  /**
   * The same without holding up the event loop; resolves when `content`, or what was passed later, is durable. Calls that come
   * while one is written are written together. A file is kept by this or by `replace`, not by both.
   * @throws UserError too_large, disk_full, disk_failed
   */
  save(content: Uint8Array): Promise<void> {
    this.#content = content;
    const written = this.#writing.catch(() => {}).then(() => this.#saveLatest(content));
    this.#writing = written;
    return written;
  }

  async #saveLatest(content: Uint8Array): Promise<void> {
    // A later call may have been written together with an earlier one.
    if (this.#saved === this.#content && this.#saved !== undefined) return;
    const latest = this.#content ?? content;
    await writeStateFileAside(this.path, seal(latest, this.#options));
    this.#saved = latest;
  }
}

function readBounded(path: string): Uint8Array | undefined {
  const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (sizeBytes > nodeLimits.sealedFileBytes.value)
    throw damaged(path, `has ${sizeBytes} bytes, more than was ever written there`);
  return readStateFile(path);
}

function seal(content: Uint8Array, { path, name, key, random }: SealedFileOptions): Uint8Array {
  const leastBytes = HEAD_BYTES + LENGTH_BYTES + content.length + TAG_BYTES;
  const sizeBytes = Math.ceil(leastBytes / STEP_BYTES) * STEP_BYTES;
  if (sizeBytes > nodeLimits.sealedFileBytes.value)
    throw new UserError('too_large', `${path} would get ${sizeBytes} bytes`);
  const padded = new Uint8Array(sizeBytes - HEAD_BYTES - TAG_BYTES);
  new DataView(padded.buffer).setUint32(0, content.length);
  padded.set(content, LENGTH_BYTES);
  const nonce = random.bytes(NONCE_BYTES);
  const file = new Uint8Array(sizeBytes);
  file[0] = VERSION;
  file.set(nonce, 1);
  file.set(primitives.xchachaPoly(key).seal({ nonce, ad: associated(name), data: padded }), HEAD_BYTES);
  return file;
}

function unseal(file: Uint8Array, { path, name, key }: SealedFileOptions): Uint8Array {
  if (file.length === 0 || file.length % STEP_BYTES !== 0)
    throw damaged(path, `has ${file.length} bytes, no multiple of ${STEP_BYTES}`);
  const nonce = file.subarray(1, HEAD_BYTES);
  const data = file.subarray(HEAD_BYTES);
  const open = primitives.xchachaPoly(key).open({ nonce, ad: associated(name), data });
  if (open === undefined || file[0] !== VERSION) {
    // Only a file that opens could be believed about its version, and a newer one may be sealed otherwise.
    if (file[0] === VERSION) throw damaged(path, 'does not open: it is damaged, or sealed under another key');
    throw new UserError('data_dir_format', `${path} is no sealed file of this version`);
  }
  const sizeBytes = new DataView(open.buffer, open.byteOffset).getUint32(0);
  assert(sizeBytes <= open.length - LENGTH_BYTES, 'what was sealed here fits its file');
  return open.slice(LENGTH_BYTES, LENGTH_BYTES + sizeBytes);
}

function associated(name: string): Uint8Array {
  return Buffer.from(`mimeo/state/${VERSION}/${name}`);
}

function damaged(path: string, what: string): UserError {
  return new UserError('state_damaged', `${path} ${what}`);
}
