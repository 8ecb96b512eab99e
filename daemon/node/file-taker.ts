/**
 * A download's file on this machine (the `Taker` of daemon/node/sink.ts): it appears under its name when it is complete, and never
 * in place of another one. Until then it stands beside it under a name that begins with a dot.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type ErrorCode, UserError } from '../../client/index.ts';
import type { Taker } from './sink.ts';

/** What file systems without links say: FAT, some network shares. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

export class FileTaker implements Taker {
  readonly #path: string;
  readonly #partPath: string;
  readonly #handle: FileHandle;

  private constructor(path: string, part: { path: string; handle: FileHandle }) {
    this.#path = path;
    this.#partPath = part.path;
    this.#handle = part.handle;
  }

  /** @throws UserError target_exists, target_unwritable */
  static async create(path: string): Promise<FileTaker> {
    // Names are bounded in bytes.
    const name = Buffer.from(basename(path)).subarray(0, 200).toString();
    const partPath = join(dirname(path), `.${name}.${randomBytes(4).toString('hex')}.part`);
    try {
      await assertFree(path);
      return new FileTaker(path, { path: partPath, handle: await open(partPath, 'wx', 0o600) });
    } catch (error) {
      throw targetError(error, path);
    }
  }

  async take(bytes: Uint8Array): Promise<void> {
    try {
      await this.#handle.writeFile(bytes);
    } catch (error) {
      throw targetError(error, this.#path);
    }
  }

  /** Makes the file durable and gives it its name. @throws UserError */
  async finish(): Promise<void> {
    try {
      await this.#handle.sync();
      await this.#handle.close();
      await giveName(this.#partPath, this.#path);
    } catch (error) {
      await this.discard();
      throw targetError(error, this.#path);
    }
  }

  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {});
    await unlink(this.#partPath).catch(() => {});
  }
}

async function assertFree(path: string): Promise<void> {
  // Not opened: a pipe would wait for its other end.
  const existing = await lstat(path).catch((error: unknown) => {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error;
  });
  if (existing !== undefined) throw new UserError('target_exists', `${path} exists already`);
}

/** Unlike a rename, a link never replaces what came to lie there meanwhile. Some file systems have no links. */
async function giveName(partPath: string, path: string): Promise<void> {
  try {
    await link(partPath, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && NO_LINKS.has(String(error.code)))) throw error;
    await assertFree(path);
    await rename(partPath, path);
    return;
  }
  await unlink(partPath);
}

function targetError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof UserError) return error;
  const codes: Readonly<Record<string, ErrorCode>> = {
    EEXIST: 'target_exists',
    ENOSPC: 'disk_full',
    EDQUOT: 'disk_full',
  };
  const code = codes[String(error.code)] ?? 'target_unwritable';
  return new UserError(code, `can't write ${path}: ${String(error.code)}`, { cause: error });
}
