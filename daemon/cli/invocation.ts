/**
 * One command line after commander has taken it apart: operands by position, options by name, with the checks that all commands
 * share. A command asks for what its row in the table declares; anything else it asks for is a bug.
 */
import { assert } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { connectApi, type ApiConnection } from '../rpc/client.ts';
import { loadConfig, type Config } from '../config/load.ts';
import { findPlaces, type Places } from '../config/data-dir.ts';
import { optionName, settingNames } from '../config/settings.ts';
import { parseDurationMs } from '../config/units.ts';
import type { Io } from './io.ts';

export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

export class Invocation {
  readonly io: Io;
  readonly operands: readonly string[];
  readonly #options: OptionValues;

  constructor(io: Io, line: { operands: readonly string[]; options: OptionValues }) {
    this.io = io;
    this.operands = line.operands;
    this.#options = line.options;
  }

  /** A required operand: commander has refused the line where it is missing. */
  operand(index: number): string {
    const value = this.operands[index];
    assert(value !== undefined, `operand ${index} is there`);
    return value;
  }

  /** Options are asked for as they are written: `key-only` for `--key-only`. */
  text(name: string): string | undefined {
    const value = this.#options[camelCase(name)];
    assert(typeof value !== 'boolean', `--${name} takes a value`);
    return value;
  }

  /** `--no-wait` is the flag `wait`, which is true without it. */
  flag(name: string): boolean {
    return this.#options[camelCase(name)] === true;
  }

  /** @throws UserError usage */
  durationMs(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const durationMs = parseDurationMs(text);
    if (durationMs === undefined)
      throw new UserError('usage', `--${name} ${text}: expected a duration, like 30s or 5m`);
    return durationMs;
  }

  get places(): Places {
    return findPlaces({ dataDir: this.text('data-dir'), env: this.io.env, cwd: this.io.cwd });
  }

  config(): Config {
    const given = settingNames.map((name) => [name, this.#setting(optionName(name))] as const);
    const flags = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    return loadConfig({ dataDir: this.text('data-dir'), flags, env: this.io.env, cwd: this.io.cwd });
  }

  /** A setting's option is text; `--donor` alone means true. */
  #setting(option: string): string | undefined {
    const value = this.#options[camelCase(option)];
    return value === undefined ? undefined : String(value);
  }

  /** @throws UserError daemon_not_running */
  async withApi<T>(use: (api: ApiConnection) => Promise<T>): Promise<T> {
    const api = await connectApi(this.places.dataDir);
    try {
      return await use(api);
    } finally {
      api.close();
    }
  }
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
