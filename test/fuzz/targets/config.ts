/**
 * daemon/config: mimeo.toml, environment and options together. The input is the file; behind a line of `---` follow lines
 * `NAME=value` and `--option=value`. Promises: a typed refusal or settings that all passed the table; options win over variables,
 * those over the file; what is shown of a setting is accepted again and shown as the same.
 */
import { loadConfig, type Config } from '../../../daemon/config/load.ts';
import {
  optionName,
  settingNames,
  settings,
  variableName,
  type SettingName,
} from '../../../daemon/config/settings.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { editText } from '../edits/text.ts';
import { ScratchFile, scratchFolder } from '../scratch.ts';
import { accepted, attempt, ensure, pick, type Target } from '../target.ts';

const file = new ScratchFile('config', 'mimeo.toml');
const CUT = '\n---\n';
/** Good and bad ones; of settings that are not named here `OTHERS`. */
const VALUES: { readonly [Name in SettingName]?: readonly string[] } = {
  'store.size': ['10GiB', '1.5 MB', '4096', '0', '999999999999999TiB'],
  listen: ['127.0.0.1:0', '[::1]:65535', 'example.net:1'],
  'fproxy.listen': ['127.0.0.1:8888', 'localhost:1', '[::1]:0', '0.0.0.0:1'],
  donor: ['true', 'false', 'yes'],
  network: ['open', 'testnet-1', 'Open'],
  peers: ['mimeo-node:AAAA', 'a, b\tc', ''],
  'trace.file': ['/tmp/trace', ''],
  'log.level': ['warn', 'silent', 'loud'],
};
/** Shown with escapes, for people: any text may be in them, control characters too. */
const ESCAPED: ReadonlySet<string> = new Set(['link.prefix']);
const OPTIONS = new Map(settingNames.map((name) => [`--${optionName(name)}`, name]));
const OTHERS = ['', '-', '/tmp/x', 'true', '7'];

export const config: Target = {
  name: 'config',
  promise: 'a typed refusal, or settings that can be shown and read again, from the source that wins',
  mostBytes: 20_000,
  edits: [editText],
  words: [
    ...settingNames,
    ...settingNames.map(variableName),
    '[store]',
    '[a.b]',
    '[[peers]]',
    '"""',
    "'''",
    '1979-05-27T07:32:00Z',
    '0x1f',
    'inf',
    '__proto__',
    'a.',
  ],
  sample: (random) => {
    const name = () => pick(settingNames, random);
    const some = <T>(make: () => T): T[] => Array.from({ length: random.below(3) }, make);
    const file = [...new Set(some(name))].map((name) => tomlLine(name, random));
    const variables = some(name).map((name) => `${variableName(name)}=${valueOf(name, random)}`);
    const flags = some(name).map((name) => `--${optionName(name)}=${valueOf(name, random)}`);
    return Buffer.from(file.join('\n') + CUT + [...variables, ...flags].join('\n'));
  },
  run: (input) => {
    const text = Buffer.from(input);
    const at = text.indexOf(CUT);
    file.holding(at < 0 ? text : text.subarray(0, at));
    const dataDir = scratchFolder('config');
    const { env, flags } = readRest(at < 0 ? '' : text.subarray(at + CUT.length).toString());
    const read = attempt(() => loadConfig({ dataDir, flags, env, cwd: '/' }), ['config_invalid', 'usage']);
    if (read.type !== 'value') return { ...read, shape: read.shape.replaceAll(dataDir, '') };
    const origins = settingNames.map((name) => checkSetting(name, { config: read.value, env, flags }));
    return accepted(origins.join());
  },
};

interface Given {
  readonly env: { readonly [name: string]: string };
  readonly flags: { readonly [Name in SettingName]?: string };
}

function checkSetting(name: SettingName, { config, env, flags }: Given & { config: Config }): string {
  const origin = config.origins[name];
  const variable = variableName(name);
  if (flags[name] !== undefined) ensure(origin === `--${optionName(name)}`, 'an option wins');
  else if ((env[variable] ?? '') !== '') ensure(origin === variable, 'a variable wins over the file');
  else ensure(origin === 'mimeo.toml' || origin === 'default', 'the file or the default');
  const { schema, show } = settings[name] as {
    schema: { safeParse: (value: unknown) => { success: boolean; data?: unknown } };
    show: (value: unknown) => string;
  };
  if (ESCAPED.has(name)) return letterOf(origin);
  const readAgain = (shown: string) => {
    const again = schema.safeParse(shown);
    ensure(again.success, `what is shown of ${name} is accepted`);
    return show(again.data);
  };
  const shown = show(config.settings[name]);
  // A size is shown rounded: 65,500 bytes as 64.0 KiB, which are 64 KiB.
  const settled = name === 'store.size' ? readAgain(shown) : shown;
  ensure(readAgain(settled) === settled, `what is shown of ${name} is stable`);
  return letterOf(origin);
}

function letterOf(origin: string): string {
  return origin.startsWith('--') ? 'o' : origin.startsWith('MIMEO') ? 'e' : origin.slice(0, 1);
}

function readRest(text: string): Given {
  const env: Record<string, string> = Object.create(null) as Record<string, string>;
  const flags: Partial<Record<SettingName, string>> = {};
  for (const line of text.split('\n')) {
    const [name = '', ...value] = line.split('=');
    const setting = OPTIONS.get(name);
    if (setting !== undefined) flags[setting] = value.join('=');
    else if (name.startsWith('MIMEO_') && name !== 'MIMEO_DATA_DIR') env[name] = value.join('=');
  }
  return { env, flags };
}

function tomlLine(name: SettingName, random: SeededRandom): string {
  const value = valueOf(name, random);
  const isBare = /^(?:true|false|\d+)$/.test(value) && random.below(2) === 0;
  const list = name === 'peers' && random.below(2) === 0;
  const written = isBare ? value : JSON.stringify(value);
  return `${name} = ${list ? `[${written}]` : written}`;
}

function valueOf(name: SettingName, random: SeededRandom): string {
  return pick(VALUES[name] ?? OTHERS, random);
}
