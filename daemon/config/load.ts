/**
 * Settings from their four sources: option, then `MIMEO_*` variable, then mimeo.toml, then default. Reads one file and changes
 * nothing.
 *
 * Invariant: a result holds only values that passed the table's schema, each with its origin. A file with an unknown key or a
 * wrong value is refused as a whole, even where an option overrides it: a typing error that shows only later is a trap.
 */
import { readFileSync, statSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { UserError } from '../../client/index.ts';
import {
  findPlaces,
  freeDiskBytes,
  occupiedBytes,
  resizedBytes,
  type Environment,
  type Places,
} from './data-dir.ts';
import { processLimits } from './limits.ts';
import { nearest } from './nearest.ts';
import {
  isSettingName,
  optionName,
  settingNames,
  settings,
  variableName,
  type SettingName,
  type Settings,
} from './settings.ts';

export interface Sources {
  readonly dataDir: string | undefined;
  /** By setting, as written on the command line. */
  readonly flags: { readonly [Name in SettingName]?: string };
  readonly env: Environment;
  readonly cwd: string;
}

export interface Config extends Places {
  readonly settings: Settings;
  /** `--listen`, `MIMEO_LISTEN`, `mimeo.toml` or `default`. */
  readonly origins: { readonly [Name in SettingName]: string };
}

/** @throws UserError config_invalid; usage for a wrong option */
export function loadConfig(sources: Sources): Config {
  const places = findPlaces(sources);
  const file = readConfigFile(places.configFile);
  const surroundings = {
    dataDir: places.dataDir,
    freeDiskBytes: freeDiskBytes(places.dataDir),
    occupiedBytes: occupiedBytes(places.dataDir),
    resizedBytes: resizedBytes(places.dataDir),
  };

  const values: Partial<Record<SettingName, unknown>> = {};
  const origins: Partial<Record<SettingName, string>> = {};
  for (const name of settingNames) {
    const option = `--${optionName(name)}`;
    const variable = variableName(name);
    const given: [origin: string, value: unknown, where: string][] = [
      [option, sources.flags[name], option],
      // Empty is unset: that is how a script takes a variable back.
      [variable, sources.env[variable] === '' ? undefined : sources.env[variable], variable],
      ['mimeo.toml', file.values.get(name), `${places.configFile}${file.line(name)}: ${name}`],
    ];
    values[name] = settings[name].fallback(surroundings);
    origins[name] = 'default';
    for (const [origin, value, where] of given.reverse()) {
      if (value === undefined) continue;
      values[name] = check(name, { value, where });
      origins[name] = origin;
    }
  }
  return { ...places, settings: values as Settings, origins: origins as Config['origins'] };
}

function check(name: SettingName, given: { value: unknown; where: string }): unknown {
  const result = settings[name].schema.safeParse(given.value);
  if (result.success) return result.data;
  const shown = JSON.stringify(given.value).slice(0, 80);
  const code = given.where.startsWith('--') ? 'usage' : 'config_invalid';
  throw new UserError(code, `${given.where} is ${shown}: ${result.error.issues[0]?.message}`);
}

interface ConfigFile {
  readonly values: ReadonlyMap<SettingName, unknown>;
  /** `:7` where the key can be found, else nothing. */
  line(name: string): string;
}

function readConfigFile(path: string): ConfigFile {
  const text = readText(path);
  const values = new Map<SettingName, unknown>();
  const line = (name: string) => lineOf(text, name);
  for (const [name, value] of flatten(parseToml(text, path), '')) {
    if (!isSettingName(name)) {
      const meant = nearest(name, settingNames);
      const suggestion = meant === undefined ? '' : `; did you mean ${meant}?`;
      throw new UserError('config_invalid', `${path}${line(name)}: unknown key ${name}${suggestion}`);
    }
    values.set(name, value);
  }
  return { values, line };
}

/** No file is an empty file. */
function readText(path: string): string {
  const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size;
  if (sizeBytes === undefined) return '';
  if (sizeBytes > processLimits.configBytes.value) {
    throw new UserError(
      'config_invalid',
      `${path} has ${sizeBytes} bytes; ${processLimits.configBytes.value} is the most`,
    );
  }
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError('config_invalid', `can't read ${path}`, { cause: error });
  }
}

function parseToml(text: string, path: string): object {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [what] = error.message.split('\n');
    throw new UserError('config_invalid', `${path}:${error.line}: ${what}`, { cause: error });
  }
}

/** A table whose name is longer than any setting's holds none. */
const LONGEST_NAME = Math.max(...settingNames.map((name) => name.length));

/** Tables become dotted names: `[store]` with `size` is `store.size`. Not entered deeper than names go: tables nest without end. */
function* flatten(table: object, prefix: string): Generator<[name: string, value: unknown]> {
  for (const [key, value] of Object.entries(table)) {
    const isTable =
      typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
    if (isTable && prefix.length <= LONGEST_NAME) yield* flatten(value, `${prefix}${key}.`);
    else yield [prefix + key, value];
  }
}

/** The parser keeps no positions; plain keys and tables, which is how such files are written, are found again by reading. */
function lineOf(text: string, name: string): string {
  let table = '';
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*\[([\w.-]+)\]/.exec(line);
    if (header) table = `${header[1]}.`;
    const key = /^\s*([\w.-]+)\s*=/.exec(line);
    if (key && table + key[1] === name) return `:${index + 1}`;
  }
  return '';
}
