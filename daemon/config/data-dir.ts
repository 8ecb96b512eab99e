/**
 * Where a daemon keeps its things, and that nobody else can read them. It decides places and makes directories; it opens no
 * file in them.
 *
 * Rule: `--data-dir`, else MIMEO_DATA_DIR, else $XDG_DATA_HOME/mimeo, else ~/.local/share/mimeo. A data directory that was named
 * carries its own mimeo.toml; otherwise the file is $XDG_CONFIG_HOME/mimeo/mimeo.toml, else ~/.config/mimeo/mimeo.toml.
 */
import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { UserError } from '../../client/index.ts';

export interface Places {
  /** Absolute. */
  readonly dataDir: string;
  readonly configFile: string;
}

export interface Environment {
  readonly [name: string]: string | undefined;
}

export function findPlaces(options: { dataDir: string | undefined; env: Environment; cwd: string }): Places {
  const { env, cwd } = options;
  const named = options.dataDir ?? nonEmpty(env['MIMEO_DATA_DIR']);
  if (named !== undefined) {
    const dataDir = resolve(cwd, named);
    return { dataDir, configFile: join(dataDir, 'mimeo.toml') };
  }
  return {
    dataDir: join(xdg(env, 'XDG_DATA_HOME', '.local/share'), 'mimeo'),
    configFile: join(xdg(env, 'XDG_CONFIG_HOME', '.config'), 'mimeo', 'mimeo.toml'),
  };
}

/** The XDG specification says that a relative path in a variable is to be ignored. */
function xdg(env: Environment, variable: string, fallback: string): string {
  const path = env[variable];
  return path !== undefined && isAbsolute(path) ? path : join(nonEmpty(env['HOME']) ?? homedir(), fallback);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/**
 * Makes the data directory for this user alone. One that exists and is open to others is refused, not changed: it may be one
 * that other programs share, and what was readable until now is no secret any more.
 * @throws UserError data_dir_unusable
 */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new UserError('data_dir_unusable', `can't use the data directory ${dataDir}: ${reason(error)}`, {
      cause: error,
    });
  }
  const mode = statSync(dataDir).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    const octal = mode.toString(8);
    throw new UserError(
      'data_dir_unusable',
      `other users can open ${dataDir} (mode ${octal}): chmod 700 it, if it is yours alone`,
    );
  }
}

/** Free bytes of the disk that the directory lies on, or will lie on. */
export function freeDiskBytes(dataDir: string): number {
  for (let path = dataDir; ; path = dirname(path)) {
    try {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    } catch (error) {
      if (path === dirname(path)) throw error;
    }
  }
}

/** Bytes of all files below the directory; 0 for one that is not there. Files that vanish meanwhile do not count. */
export function occupiedBytes(dataDir: string): number {
  let sum = 0;
  for (const name of read(() => readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) ?? []) {
    const stat = read(() => lstatSync(join(dataDir, name)));
    if (stat?.isFile() === true) sum += stat.size;
  }
  return sum;
}

/** What `mimeo store resize` has said last; undefined where it never has. */
export function resizedBytes(dataDir: string): number | undefined {
  const text = read(() => readFileSync(join(dataDir, SIZE_FILE), 'utf8'));
  const bytes = Number(text);
  return text !== undefined && Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** In the data directory: a decimal number of bytes and a line feed. */
export const SIZE_FILE = 'size';

function read<T>(from: () => T): T | undefined {
  try {
    return from();
  } catch {
    return undefined;
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
