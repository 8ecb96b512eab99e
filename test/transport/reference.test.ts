/** Node references and addresses: round trips, and a reason for everything that is none. */
import * as fc from 'fast-check';
import t from 'tap';
import type { Test } from 'tap';
import { ParseError, encodeCbor, toText } from '../../keys/index.ts';
import type { CborValue } from '../../keys/index.ts';
import {
  decodeReference,
  encodeReference,
  formatAddress,
  parseAddress,
  transportLimits,
} from '../../transport/index.ts';
import { runs } from '../keys/samples.ts';
import { identityOf, keysOf } from './session-pair.ts';

const identity = identityOf(5);
const keys = keysOf(5);
const { agreementKey, probeKey } = keys;
const network = new Uint8Array(32).fill(6);
const addresses = ['203.0.113.7:4711', '[2001:db8::7]:4711', 'node.example.org:80'];
const text = encodeReference({ identity, keys, network, addresses });

/** Made by the first version of this format. */
const GOLDEN =
  'mimeo-node:pmF2AmF4WCDqEwFbHpRwfttl3i9XX3SwApkhYq05CmlN4Fg14DB8YGJpZFggbnoc3Smwt4_ROvTFWY_v9O8ql' +
  'xZuPKby5Pv8zYBQW_FjbmV0WCAGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBmRhZGRyg3AyMDMuMC4xMTMuNzo0N' +
  'zExclsyMDAxOmRiODo6N106NDcxMXNub2RlLmV4YW1wbGUub3JnOjgwZXByb2JlWCATYg72bulhn4TNDIEniCMA9j9m7sRPi' +
  'bzyJNxcBm7d3yLnXj1b3nA47L2tYOGru5yRPi3JksehpQfgCtsNJOij_q9DJnFq_TVk_wa4tZW8KIUE9Uz81vXdnJ9zTiZXk' +
  'QY';

/** Made before links were encrypted. */
const FORMAT_1 =
  'mimeo-node:pGF2AWJpZFggbnoc3Smwt4_ROvTFWY_v9O8qlxZuPKby5Pv8zYBQW_FjbmV0WCAGBgYGBgYGBgYGBgY' +
  'GBgYGBgYGBgYGBgYGBgYGBgYGBmRhZGRyg3AyMDMuMC4xMTMuNzo0NzExclsyMDAxOmRiODo6N106NDcxMXNub2RlL' +
  'mV4YW1wbGUub3JnOjgwrwuTsNWMSqlRRB-Qu-bbRxAaOvY2orBf122VmJIEuT9nn-Prg2dr5dU53h25WnY7Q33euww' +
  'FrGX55hd7T-oXBg';

/** Signed as a reference is, whatever the fields say. */
function signed(fields: CborValue): string {
  const body = encodeCbor(fields);
  const signature = identity.sign(Buffer.concat([Buffer.from('mimeo/reference/2'), body]));
  return `mimeo-node:${toText(Buffer.concat([body, signature]))}`;
}

const fields = {
  v: 2,
  id: identity.publicKey,
  x: agreementKey,
  probe: probeKey,
  net: network,
  addr: addresses,
};

function rejects(t: Test, reference: string, message: RegExp): void {
  t.throws(() => decodeReference(reference), { code: 'bad_reference', message });
}

void t.test('a reference comes back as it was made', async (t) => {
  const host = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6().map((address) => `[${address}]`),
  );
  const address = fc
    .tuple(host, fc.integer({ min: 1, max: 65_535 }))
    .map(([host, port]) => `${host}:${port}`);
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(
      fc.nat(255),
      bytes32,
      fc.array(address, { maxLength: 8 }),
      fc.uint8Array({ maxLength: 64 }),
      (number, network, addresses, prefix) => {
        const identity = identityOf(number);
        const keys = keysOf(number);
        const line = encodeReference({ identity, keys, network, addresses, prefix });
        t.same(decodeReference(line), {
          identity: identity.publicKey,
          agreementKey: keys.agreementKey,
          probeKey: keys.probeKey,
          network: Uint8Array.from(network),
          prefix: Uint8Array.from(prefix),
          addresses,
          line,
        });
      },
    ),
    runs(300),
  );
});

void t.test('the format does not change: one reference, as it has always been', async (t) => {
  t.same(decodeReference(GOLDEN), {
    identity: identity.publicKey,
    agreementKey,
    probeKey,
    network,
    prefix: new Uint8Array(0),
    addresses,
    line: GOLDEN,
  });
  t.equal(text, GOLDEN);
});

void t.test('space around the line is ignored, inside it is refused', async (t) => {
  t.same(decodeReference(`  ${text}\r\n`), decodeReference(text));
  rejects(t, `${text.slice(0, 60)}\n${text.slice(60)}`, /is not base64url/);
});

void t.test('a line cut off anywhere is refused', async (t) => {
  for (let length = 0; length < text.length; length++) rejects(t, text.slice(0, length), /cannot be read/);
  rejects(t, text.slice(0, 100), /cut off or mistyped/);
});

void t.test('any one character changed is refused', async (t) => {
  for (let at = 0; at < text.length; at++) {
    const changed = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
    rejects(t, changed, /cannot be read/);
  }
});

void t.test('the signature is of the identity that the reference names', async (t) => {
  rejects(t, signed({ ...fields, id: identityOf(6).publicKey }), /its signature is wrong/);
  t.ok(decodeReference(signed(fields)));
});

void t.test(
  'a reference of format 1, which had no keys to encrypt with, is refused with what to do',
  async (t) => {
    rejects(t, FORMAT_1, /format 1, without encryption: ask for a new one/);
  },
);

void t.test('what is signed and still no reference is refused with the reason', async (t) => {
  const { net, ...withoutNetwork } = fields;
  rejects(t, signed({ ...fields, v: 3 }), /its format is not 2/);
  rejects(t, signed({ ...fields, x: agreementKey.slice(1) }), /field x/);
  rejects(t, signed({ ...fields, probe: 'me' }), /field probe/);
  rejects(t, signed({ ...fields, pre: 'GET /' }), /field pre/);
  rejects(t, signed({ ...fields, pre: new Uint8Array(65) }), /a prefix of 65 bytes; at most 64/);
  rejects(t, signed(withoutNetwork), /field net/);
  rejects(t, signed({ ...fields, net: net.slice(1) }), /field net/);
  rejects(t, signed({ ...fields, addr: 'a:1' }), /field addr/);
  rejects(t, signed({ ...fields, addr: [1] }), /field addr/);
  rejects(t, signed({ ...fields, addr: ['nowhere'] }), /"nowhere" is not an address/);
  rejects(t, signed({ ...fields, addr: Array.from({ length: 9 }, () => 'a:1') }), /9 addresses; at most 8/);
  rejects(t, signed([1, 2]), /not a map/);
  t.ok(decodeReference(signed({ ...fields, later: true })), 'a field of a later version is ignored');
});

void t.test('other text is refused', async (t) => {
  rejects(t, '', /does not begin with mimeo-node:/);
  rejects(t, 'CHK@abc', /does not begin with mimeo-node:/);
  rejects(t, 'mimeo-node:', /cut off or mistyped/);
  rejects(t, `mimeo-node:${'A'.repeat(transportLimits.referenceChars.value)}`, /longer than 3456 characters/);
});

void t.test('no text makes it fail in another way', async (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (garbage) => {
      try {
        decodeReference(`mimeo-node:${garbage}`);
        return false;
      } catch (error) {
        return error instanceof ParseError && error.code === 'bad_reference';
      }
    }),
    runs(20_000),
  );
  t.pass('for all texts');
});

void t.test('a reference is not made with addresses that nobody could read', async (t) => {
  t.throws(() => encodeReference({ identity, keys, network, addresses: ['host'] }), {
    code: 'bad_reference',
  });
  const many = Array.from({ length: 9 }, () => 'a:1');
  t.throws(() => encodeReference({ identity, keys, network, addresses: many }), { code: 'bad_reference' });
  const prefix = new Uint8Array(65);
  t.throws(() => encodeReference({ identity, keys, network, addresses, prefix }), { code: 'bad_reference' });
});

void t.test(
  'the longest addresses in the largest number, and the longest prefix, fit the limit',
  async (t) => {
    const name = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61);
    const longest = Array.from({ length: transportLimits.referenceAddresses.value }, () => `${name}:65535`);
    const prefix = new Uint8Array(64).fill(1);
    const reference = encodeReference({ identity, keys, network, addresses: longest, prefix });
    t.same(decodeReference(reference).addresses, longest);
  },
);

void t.test('addresses are host:port', async (t) => {
  t.same(parseAddress('127.0.0.1:80'), { host: '127.0.0.1', port: 80 });
  t.same(parseAddress('[::1]:65535'), { host: '::1', port: 65_535 });
  t.same(parseAddress('a-b.example:1'), { host: 'a-b.example', port: 1 });
  for (const address of ['127.0.0.1:80', '[::1]:65535', 'a.example:1']) {
    t.equal(formatAddress(parseAddress(address)), address);
  }
  const bad = [
    '',
    ':80',
    'host',
    'host:',
    'host:0',
    'host:65536',
    'host:080',
    'host:8x',
    'ho st:80',
    '::1:80',
    '[::1]',
    '[host]:80',
    '-a:1',
    'a..b:1',
    'a/b:1',
    'u@h:1',
    `${'a'.repeat(254)}:1`,
  ];
  for (const address of bad) t.throws(() => parseAddress(address), { code: 'bad_reference' }, address);
});
