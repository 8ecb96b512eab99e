/**
 * How people write sizes, durations and addresses: in options, in mimeo.toml and on the screen. Parsing answers `undefined` for
 * what is not exactly such a text; who asked knows the name of the option and says so. Nothing is guessed: a size without a unit
 * is bytes, a duration without a unit is refused, because `30` is half a minute to one reader and half an hour to the next.
 *
 * Invariant: what a format function prints, its parse function accepts.
 */

const SIZE_UNITS = new Map([
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['tb', 1e12],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
  ['tib', 2 ** 40],
]);

const DURATION_UNITS_MS = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** `10GiB`, `1.5 MB`, `4096`: whole bytes. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text.trim().replace(/\d$/, '$&B').toLowerCase(), SIZE_UNITS);
}

/** `250ms`, `30s`, `5m`, `2h`, `1d`: whole milliseconds. */
export function parseDurationMs(text: string): number | undefined {
  return parseQuantity(text.trim(), DURATION_UNITS_MS);
}

function parseQuantity(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]{1,3})$/.exec(text);
  const unit = units.get(match?.[2] ?? '');
  if (match?.[1] === undefined || unit === undefined) return undefined;
  const quantity = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(quantity) ? quantity : undefined;
}

/** Three digits are enough for a person: `9.77 GiB`, `512 B`. */
export function formatSize(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let name = names.shift();
  while (value >= 1024 && names.length > 0) {
    value /= 1024;
    name = names.shift();
  }
  const digits = value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${name}`;
}

/** The largest whole unit, as `uptime` says it: `45s`, `12m`, `3h`, `9d`. */
export function formatDuration(durationMs: number): string {
  let shown = '0s';
  for (const [name, unitMs] of DURATION_UNITS_MS) {
    if (name !== 'ms' && durationMs >= unitMs) shown = `${Math.floor(durationMs / unitMs)}${name}`;
  }
  return shown;
}

export interface Endpoint {
  readonly host: string;
  /** 0 stands for any free port. */
  readonly port: number;
}

/** `127.0.0.1:8888`, `localhost:0`, `[::1]:8888`. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9.-]{1,253})):(\d{1,5})$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
