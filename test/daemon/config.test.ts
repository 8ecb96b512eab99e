/** Units, the settings table, and where each value comes from. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import t, { type Test } from 'tap';
import { UserError } from '../../client/index.ts';
import { loadConfig, type Sources } from '../../daemon/config/load.ts';
import { nearest } from '../../daemon/config/nearest.ts';
import { optionName, settingNames, settings, variableName } from '../../daemon/config/settings.ts';
import {
  formatDuration,
  formatEndpoint,
  formatSize,
  parseDurationMs,
  parseEndpoint,
  parseSize,
} from '../../daemon/config/units.ts';

void t.test('sizes are read with binary and decimal units, and a bare number is bytes', async (t) => {
  for (const [text, bytes] of [
    ['10GiB', 10 * 2 ** 30],
    ['1.5 MiB', 1.5 * 2 ** 20],
    ['2kB', 2_000],
    ['1tib', 2 ** 40],
    ['4096', 4_096],
    ['0', 0],
  ] as const) {
    t.equal(parseSize(text), bytes, text);
  }
  for (const text of ['', 'GiB', '10 G', '-1', '1e3', '10GiB!', '1 0', '99999999TiB', 'Infinity']) {
    t.equal(parseSize(text), undefined, `refused: ${text}`);
  }
});

void t.test('durations need a unit', async (t) => {
  t.equal(parseDurationMs('30s'), 30_000);
  t.equal(parseDurationMs('1.5h'), 5_400_000);
  t.equal(parseDurationMs('250ms'), 250);
  for (const text of ['30', '', 's', '5 minutes', '-5s', '1d1h'])
    t.equal(parseDurationMs(text), undefined, text);
});

void t.test('what is printed can be read again, within the digits that are shown', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (bytes) => {
      const again = parseSize(formatSize(bytes)) ?? Number.NaN;
      return Math.abs(again - bytes) <= Math.max(0.5, bytes * 0.006);
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 10 }), (durationMs) => {
      const again = parseDurationMs(formatDuration(durationMs)) ?? Number.NaN;
      return again <= durationMs && durationMs < Math.max(1_000, 2 * again + 1_000);
    }),
  );
});

void t.test('an endpoint is a host and a port, and what is printed is read as the same', async (t) => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((ip) => ip.length <= 45),
    fc.constant('localhost'),
  );
  fc.assert(
    fc.property(host, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      t.strictSame(parseEndpoint(formatEndpoint({ host, port })), { host, port });
    }),
    { numRuns: 50 },
  );
  for (const text of [
    '8888',
    'host:',
    ':80',
    'host:65536',
    '::1:80',
    'http://host:80',
    'a b:80',
    'host:-1',
  ]) {
    t.equal(parseEndpoint(text), undefined, text);
  }
});

void t.test('the nearest name is suggested only when it is near', async (t) => {
  t.equal(nearest('stor.size', settingNames), 'store.size');
  t.equal(nearest('lisen', settingNames), 'listen');
  t.equal(nearest('colour', settingNames), undefined);
  t.equal(nearest('x'.repeat(100_000), settingNames), undefined);
});

/** A home of its own, so that nothing of the machine's user is read. */
function sources(t: Test, given: Partial<Sources> = {}): Sources {
  const cwd = t.testdir();
  return { dataDir: join(cwd, 'data'), flags: {}, cwd, ...given, env: { HOME: cwd, ...given.env } };
}

function writeToml(config: Sources, text: string): void {
  const dataDir = config.dataDir ?? '';
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(join(dataDir, 'mimeo.toml'), text);
}

void t.test('an option beats the environment, which beats mimeo.toml, which beats the default', async (t) => {
  const given = sources(t);
  t.match(loadConfig(given), { settings: { network: 'open' }, origins: { network: 'default' } });

  writeToml(given, 'network = "from-file"\n');
  t.match(loadConfig(given), { settings: { network: 'from-file' }, origins: { network: 'mimeo.toml' } });

  const withEnv = { ...given, env: { ...given.env, MIMEO_NETWORK: 'from-env' } };
  t.match(loadConfig(withEnv), { settings: { network: 'from-env' }, origins: { network: 'MIMEO_NETWORK' } });

  const withEmpty = { ...given, env: { ...given.env, MIMEO_NETWORK: '' } };
  t.match(loadConfig(withEmpty), { origins: { network: 'mimeo.toml' } });

  const withFlag = { ...withEnv, flags: { network: 'from-flag' } };
  t.match(loadConfig(withFlag), { settings: { network: 'from-flag' }, origins: { network: '--network' } });
});

void t.test('every setting means the same as text and in its own TOML type', async (t) => {
  const native = sources(t);
  writeToml(
    native,
    [
      'donor = true',
      'peers = ["a", "b"]',
      'seeds = ["c"]',
      'strangers = "accept"',
      'listen = "127.0.0.1:9"',
      'fproxy.listen = "[::1]:0"',
      'link.addresses = ["a.example", "b.example:5"]',
      'link.prefix = "GET /"',
      'socks.proxy = "127.0.0.1:9050"',
      '[bandwidth]',
      'up = 1048576',
      'down = "4 MiB/s"',
      '[store]',
      'size = 4194304',
      '[log]',
      'level = "debug"',
    ].join('\n'),
  );
  const text = {
    ...native,
    dataDir: join(native.cwd, 'other'),
    flags: {
      donor: 'true',
      peers: 'a, b',
      seeds: 'c',
      strangers: 'accept',
      listen: '127.0.0.1:9',
      'fproxy.listen': '[::1]:0',
      'link.addresses': 'a.example, b.example:5',
      'link.prefix': 'GET /',
      'socks.proxy': '127.0.0.1:9050',
      'bandwidth.up': '1MiB',
      'bandwidth.down': '4MiB',
      'store.size': '4MiB',
      'log.level': 'debug',
    },
  };
  t.strictSame(loadConfig(native).settings, loadConfig(text).settings);
  t.strictSame(loadConfig(native).settings, {
    'store.size': 4_194_304,
    listen: { host: '127.0.0.1', port: 9 },
    'link.addresses': ['a.example', 'b.example:5'],
    'link.prefix': 'GET /',
    'socks.proxy': { host: '127.0.0.1', port: 9050 },
    'bandwidth.up': 1_048_576,
    'bandwidth.down': 4_194_304,
    'fproxy.listen': { host: '::1', port: 0 },
    donor: true,
    network: 'open',
    peers: ['a', 'b'],
    seeds: ['c'],
    strangers: 'accept',
    'passphrase.file': '',
    'trace.file': '',
    'log.level': 'debug',
  });
});

void t.test('a file that is wrong anywhere is refused with its line', async (t) => {
  const cases: [toml: string, message: RegExp][] = [
    ['network = "open"\nlisen = "127.0.0.1:1"\n', /mimeo\.toml:2: unknown key lisen; did you mean listen\?$/],
    ['[store]\n\nsiz = "1GiB"\n', /mimeo\.toml:3: unknown key store\.siz; did you mean store\.size\?$/],
    ['[[peers]]\nname = 1\n', /peers is .*expected a list of references$/],
    // As text these would be two references, and a space none.
    ['peers = ["a,b"]', /peers is .*expected a list of references$/],
    ['peers = ["a", " "]', /peers is .*expected a list of references$/],
    ['colour = "blue"\n', /mimeo\.toml:1: unknown key colour$/],
    ['[store]\nsize = "much"\n', /mimeo\.toml:2: store\.size is "much": expected a size, like 10GiB$/],
    ['store.size = 0', /mimeo\.toml:1: store\.size is 0: expected at least 2 MiB$/],
    ['donor = "constructor"', /donor is "constructor": expected true or false$/],
    ['store = 5', /unknown key store/],
    [`${'a.'.repeat(50_000)}b = 1`, /unknown key a\.a\./],
    ['a = [1,\n', /mimeo\.toml:\d+: .*Invalid TOML/],
    ['fproxy.listen = "0.0.0.0:8888"', /fproxy\.listen is "0\.0\.0\.0:8888": expected 127\.0\.0\.1:PORT/],
    [`network = "${'x'.repeat(2 ** 20)}"`, /has \d+ bytes; 1048576 is the most/],
  ];
  for (const [toml, message] of cases) {
    const given = sources(t, { flags: { network: 'open', donor: 'false' } });
    writeToml(given, toml);
    t.throws(
      () => loadConfig(given),
      Object.assign(new UserError('config_invalid', ''), { message }),
      toml.slice(0, 40),
    );
  }
});

void t.test('a wrong option and a wrong variable are named as they were written', async (t) => {
  t.throws(() => loadConfig(sources(t, { flags: { listen: 'here' } })), {
    code: 'usage',
    message: '--listen is "here": expected host:port, like 127.0.0.1:8888',
  });
  t.throws(() => loadConfig(sources(t, { env: { MIMEO_LOG_LEVEL: 'loud' } })), {
    code: 'config_invalid',
    message: /^MIMEO_LOG_LEVEL is "loud": expected silent, fatal/,
  });
});

void t.test(
  'defaults: a port that stays, the web on loopback, and a store that a restart does not shrink',
  async (t) => {
    const given = sources(t);
    const { listen, 'fproxy.listen': web } = loadConfig(given).settings;
    t.equal(listen.host, '0.0.0.0');
    t.strictSame(loadConfig(given).settings.listen, listen);
    t.not(loadConfig({ ...given, dataDir: `${given.dataDir}-2` }).settings.listen.port, listen.port);
    t.strictSame(web, { host: '127.0.0.1', port: 8888 });

    const { fallback } = settings['store.size'];
    const disk = { dataDir: '/d', freeDiskBytes: 50 * 2 ** 30, occupiedBytes: 0 };
    t.equal(fallback(disk), 5 * 2 ** 30, 'a tenth of what is free');
    t.equal(fallback({ ...disk, freeDiskBytes: 2 ** 50 }), 10 * 2 ** 30, 'at most 10 GiB');
    t.equal(
      fallback({ ...disk, freeDiskBytes: 0, occupiedBytes: 2 ** 30 }),
      2 ** 30,
      'never less than lies there',
    );
  },
);

void t.test('each name has one option and one variable', async (t) => {
  t.equal(optionName('store.size'), 'store-size');
  t.equal(variableName('store.size'), 'MIMEO_STORE_SIZE');
  t.equal(new Set(settingNames.map(variableName)).size, settingNames.length);
  t.equal(new Set(settingNames.map(optionName)).size, settingNames.length);
});
