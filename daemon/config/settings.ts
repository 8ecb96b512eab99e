/**
 * Every setting, once: name, what it means, its type, its default. Options of the command line, `MIMEO_*` variables, mimeo.toml
 * and `mimeo config list` are views of this table. Values arrive as text (options, environment) or as TOML's own types; both
 * pass the same schema, so no source can say what another may not.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { processLimits } from './limits.ts';
import { formatEndpoint, formatSize, parseEndpoint, parseSize, type Endpoint } from './units.ts';

/** What defaults depend on. */
interface Surroundings {
  readonly dataDir: string;
  readonly freeDiskBytes: number;
  /** What the data directory holds already. */
  readonly occupiedBytes: number;
  /** What `mimeo store resize` has said. */
  readonly resizedBytes?: number | undefined;
}

interface Setting<T> {
  readonly doc: string;
  /** How a value is written, for help. */
  readonly syntax: string;
  readonly schema: z.ZodType<T>;
  readonly fallback: (surroundings: Surroundings) => T;
  readonly show: (value: T) => string;
}

function setting<T>(spec: Setting<T>): Setting<T> {
  return spec;
}

/** A schema over a parse function that answers `undefined` for a text that it does not accept. */
function written<T>(parse: (text: string) => T | undefined, expected: string) {
  return z
    .union([z.string(), z.number(), z.boolean()], `expected ${expected}`)
    .transform((value, context): T => {
      const parsed = parse(String(value));
      if (parsed !== undefined) return parsed;
      context.issues.push({ code: 'custom', message: `expected ${expected}`, input: value });
      return z.NEVER;
    });
}

const endpoint = written(parseEndpoint, 'host:port, like 127.0.0.1:8888');

interface WebAddress extends Endpoint {
  readonly host: '127.0.0.1' | '::1';
}

function parseWebAddress(text: string): WebAddress | undefined {
  const address = parseEndpoint(text.replace(/^localhost:/, '127.0.0.1:'));
  if (address?.host !== '127.0.0.1' && address?.host !== '::1') return undefined;
  return { host: address.host, port: address.port };
}

function isReachable(host: string): boolean {
  return parseEndpoint(host) !== undefined || parseEndpoint(`${host}:1`) !== undefined;
}

function parseProxy(text: string): Endpoint | '' | undefined {
  return text === '' ? '' : parseEndpoint(text);
}

/** Nothing: no limit. */
function parseRate(text: string): number | '' | undefined {
  return text === '' ? '' : parseSize(text.replace(/\/s$/, ''));
}

const rate = written(parseRate, 'a size for each second, like 1MiB, or nothing').refine(
  (bytes) => bytes === '' || bytes >= processLimits.bandwidthLeastBytes.value,
  `expected at least ${formatSize(processLimits.bandwidthLeastBytes.value)}`,
);

const references = z.union(
  [
    // What separates them in a text is in none of them.
    z.array(z.string().regex(/^[^\s,]+$/, 'expected a list of references')),
    z.string().transform((text) => text.split(/[\s,]+/).filter((ref) => ref !== '')),
  ],
  'expected a list of references',
);

const GIB = 2 ** 30;

export const settings = {
  'store.size': setting({
    doc: 'Disk space for the store, its index and temporary files. Never exceeded.',
    syntax: 'SIZE',
    schema: written(parseSize, 'a size, like 10GiB').refine(
      (bytes) => bytes >= processLimits.storeLeastBytes.value,
      `expected at least ${formatSize(processLimits.storeLeastBytes.value)}`,
    ),
    // What lies there already is kept: a default that follows the free space down would throw blocks away at a restart.
    fallback: ({ freeDiskBytes, occupiedBytes, resizedBytes }) =>
      resizedBytes ??
      Math.max(occupiedBytes, Math.min(10 * GIB, Math.floor((freeDiskBytes + occupiedBytes) / 10))),
    show: formatSize,
  }),
  listen: setting({
    doc: 'Where other nodes connect. Whoever does not hold the reference of this node gets not one byte there.',
    syntax: 'HOST:PORT',
    schema: endpoint,
    // Stable for a data directory, so that references stay valid; no fixed number, which would mark every node for a scanner.
    fallback: ({ dataDir }): Endpoint => ({ host: '0.0.0.0', port: 10_000 + (pathHash(dataDir) % 20_000) }),
    show: formatEndpoint,
  }),
  'link.addresses': setting({
    doc: 'Where others reach this node, if that is not where it listens: names or addresses, with the port unless it is the same.',
    syntax: 'HOST[:PORT],…',
    schema: z
      .union([
        z.array(z.string()),
        z.string().transform((text) => text.split(/[\s,]+/).filter((one) => one !== '')),
      ])
      .refine(
        (hosts) => hosts.length <= 8 && hosts.every((host) => isReachable(host)),
        'expected at most 8 of host or host:port',
      ),
    fallback: (): string[] => [],
    show: (hosts) => hosts.join(','),
  }),
  'link.prefix': setting({
    doc: 'What other nodes send first when they connect, so that a link looks like something else: at most 64 bytes.',
    syntax: 'TEXT',
    schema: z.string().refine((text) => Buffer.byteLength(text) <= 64, 'expected at most 64 bytes'),
    fallback: () => '',
    show: (text) => JSON.stringify(text).slice(1, -1),
  }),
  'socks.proxy': setting({
    doc: 'SOCKS5 proxy, like that of Tor: every connection to another node goes through it, and none past it.',
    syntax: 'HOST:PORT',
    schema: written(parseProxy, 'host:port, like 127.0.0.1:9050, or nothing'),
    fallback: (): Endpoint | '' => '',
    show: (proxy) => (proxy === '' ? '' : formatEndpoint(proxy)),
  }),
  'bandwidth.up': setting({
    doc: 'What this node sends to others a second at most, on the average. Empty: what the line takes.',
    syntax: 'SIZE',
    schema: rate,
    fallback: (): number | '' => '',
    show: showRate,
  }),
  'bandwidth.down': setting({
    doc: 'What it takes from others a second at most, on the average. Empty: what the line brings.',
    syntax: 'SIZE',
    schema: rate,
    fallback: (): number | '' => '',
    show: showRate,
  }),
  'fproxy.listen': setting({
    doc: 'Where the browser finds the node. On this machine only.',
    syntax: 'HOST:PORT',
    schema: written(parseWebAddress, '127.0.0.1:PORT or [::1]:PORT: whoever reaches it acts as you'),
    fallback: (): WebAddress => ({ host: '127.0.0.1', port: 8888 }),
    show: formatEndpoint,
  }),
  donor: setting({
    doc: 'Gives disk and bandwidth only: no browser interface.',
    syntax: 'true|false',
    schema: written(
      (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
      'true or false',
    ),
    fallback: () => false,
    show: String,
  }),
  network: setting({
    doc: 'Class of the network: how far requests travel.',
    syntax: 'NAME',
    schema: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected a name, like open'),
    fallback: () => 'open',
    show: String,
  }),
  peers: setting({
    doc: 'References of peers, beside those that `mimeo peer add` has saved.',
    syntax: 'REF,REF…',
    schema: references,
    fallback: (): string[] => [],
    show: (peers) => peers.join(','),
  }),
  seeds: setting({
    doc: 'References of nodes to begin with, where the network has strangers: one that answers is enough.',
    syntax: 'REF,REF…',
    schema: references,
    fallback: (): string[] => [],
    show: (seeds) => seeds.join(','),
  }),
  strangers: setting({
    doc: 'Strangers as peers, where the network has them: seek finds them, accept lets them in and looks for none, none has friends and named peers alone.',
    syntax: 'seek|accept|none',
    schema: z.enum(['seek', 'accept', 'none'], 'expected seek, accept or none'),
    fallback: () => 'seek' as const,
    show: String,
  }),
  'passphrase.file': setting({
    doc: 'File that holds the passphrase in one line; - is stdin. Empty: asked for by `mimeo unlock`.',
    syntax: 'FILE|-',
    schema: z.string(),
    fallback: () => '',
    show: String,
  }),
  'trace.file': setting({
    doc: 'Test networks only: writes what passes, keys included, to a file.',
    syntax: 'FILE',
    schema: z.string(),
    fallback: () => '',
    show: String,
  }),
  'log.level': setting({
    doc: 'How much is logged. At warn and info no keys, URIs or addresses are.',
    syntax: 'LEVEL',
    schema: z.enum(
      ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'],
      'expected silent, fatal, error, warn, info, debug or trace',
    ),
    fallback: () => 'warn' as const,
    show: String,
  }),
};

export type SettingName = keyof typeof settings;
export type Settings = { readonly [Name in SettingName]: z.output<(typeof settings)[Name]['schema']> };

export const settingNames = Object.keys(settings) as SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}

/** `store.size` is `--store-size` on the command line … */
export function optionName(name: SettingName): string {
  return name.replaceAll('.', '-');
}

/** … and MIMEO_STORE_SIZE in the environment. */
export function variableName(name: SettingName): string {
  return `MIMEO_${name.replaceAll('.', '_').toUpperCase()}`;
}

function showRate(bytes: number | ''): string {
  return bytes === '' ? '' : formatSize(bytes);
}

function pathHash(path: string): number {
  return createHash('sha256').update(path).digest().readUInt32BE();
}
