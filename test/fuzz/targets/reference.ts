/**
 * transport/reference.ts. The input is the bytes behind the prefix, or text that begins with it. Promises: nothing is taken that
 * the signer did not sign, within the limits, and every address has one host and one port.
 */
import {
  encodeCbor,
  fromText,
  identityFromSeed,
  seed,
  toText,
  verifySignature,
} from '../../../keys/index.ts';
import {
  decodeReference,
  encodeReference,
  formatAddress,
  linkKeys,
  parseAddress,
  transportLimits,
} from '../../../transport/index.ts';
import { SeededRandom } from '../../sim/random.ts';
import { editCbor } from '../edits/cbor.ts';
import { editText } from '../edits/text.ts';
import { accepted, attempt, ensure, pick, type Change, type Target } from '../target.ts';

const PREFIX = 'mimeo-node:';
const DOMAIN = Buffer.from('mimeo/reference/2');
const SIGNATURE_BYTES = 64;
const ownSeed = seed(new SeededRandom(1).bytes(32));
const identity = identityFromSeed(ownSeed);
const keys = linkKeys(ownSeed);
const ADDRESSES = ['127.0.0.1:4000', '[::1]:1', 'example.net:65535', 'a.b-c.d_e:80', '[fe80::1]:9'];

export const reference: Target = {
  name: 'reference',
  promise: 'nothing but what the node signed is read, and its addresses are well formed',
  mostBytes: 6_000,
  edits: [editText, editBody, signAnew, signAnew, editBody],
  words: [PREFIX, ...ADDRESSES],
  sample: (random) => Buffer.from(sampleReference(random)),
  run: (input) => {
    const text = Buffer.from(input).toString();
    const read = attempt(() => decodeReference(text), ['bad_reference']);
    if (read.type !== 'value') return read;
    const { network, addresses, agreementKey, probeKey, prefix } = read.value;
    ensure(text.trim().length <= transportLimits.referenceChars.value, 'the limit of a line');
    for (const bytes of [network, agreementKey, probeKey]) ensure(bytes.length === 32, 'keys have 32 bytes');
    ensure(prefix.length <= transportLimits.prefixBytes.value, 'the limit of a prefix');
    ensure(addresses.length <= transportLimits.referenceAddresses.value, 'the limit of addresses');
    const bytes = fromText(text.trim().slice(PREFIX.length));
    const body = bytes.subarray(0, -SIGNATURE_BYTES);
    const signature = bytes.subarray(-SIGNATURE_BYTES);
    const signed = { publicKey: read.value.identity, message: Buffer.concat([DOMAIN, body]), signature };
    ensure(verifySignature(signed), 'the signature of the one that it names');
    for (const address of addresses) {
      const { host, port } = parseAddress(address);
      ensure(port >= 1 && port <= 65_535 && host.length <= 253, 'an address that can be dialled');
      ensure(
        formatAddress(parseAddress(formatAddress({ host, port }))) === formatAddress({ host, port }),
        'one form',
      );
    }
    return accepted(addresses.length === 0 ? 'none' : 'some');
  },
};

/** Made once: signing takes longer than all that is done with an input that is refused. */
const SAMPLES = 256;
let samples: readonly string[] | undefined;

export function sampleReference(random: SeededRandom): string {
  if (samples === undefined) {
    const own = new SeededRandom(2);
    samples = Array.from({ length: SAMPLES }, () => madeReference(own));
  }
  return pick(samples, random);
}

function madeReference(random: SeededRandom): string {
  const addresses = Array.from({ length: random.below(5) }, () => pick(ADDRESSES, random));
  const prefix = random.bytes(pick([0, 0, 1, 64], random));
  return encodeReference({ identity, keys, network: random.bytes(32), addresses, prefix });
}

/** Changes the signed body; nobody signs it again. */
function editBody(change: Change): Uint8Array | undefined {
  const bytes = bytesOf(change.input);
  const body = bytes && editCbor({ ...change, input: bytes });
  return body && Buffer.from(PREFIX + toText(body));
}

/** What only the signer can do: addresses and fields that no honest node puts in. */
function signAnew({ input, random }: Change): Uint8Array {
  const bytes = bytesOf(input);
  const forged = encodeCbor({
    v: pick([1, 2, 2, 3], random),
    x: keys.agreementKey,
    probe: random.bytes(pick([32, 32, 33], random)),
    id: identity.publicKey,
    net: random.bytes(pick([32, 32, 31], random)),
    ...(random.below(2) === 0 ? {} : { pre: random.bytes(pick([0, 64, 65], random)) }),
    addr: Array.from({ length: random.below(12) }, () =>
      pick([...ADDRESSES, '', ':1', '[::]', 'x:70000'], random),
    ),
  });
  const body = random.below(2) === 0 && bytes ? bytes.subarray(0, -SIGNATURE_BYTES) : forged;
  return Buffer.from(PREFIX + toText(Buffer.concat([body, identity.sign(Buffer.concat([DOMAIN, body]))])));
}

function bytesOf(input: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(input).toString().trim();
  if (!text.startsWith(PREFIX)) return undefined;
  return Buffer.from(text.slice(PREFIX.length), 'base64url');
}
