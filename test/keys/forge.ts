/**
 * Blocks as docs/spec/keys.md, 2 and 3 describe them, written a second time and without any check, so that tests can make the
 * ones that an honest author never makes.
 */
import { block, type Block, BLOCK_BYTES, type CryptoKey, PAYLOAD_BYTES } from '../../keys/index.ts';
import { noble } from '../../keys/primitives/noble.ts';

export interface Forgery {
  readonly info: 'mimeo/block/chk' | 'mimeo/block/ssk';
  readonly cryptoKey: CryptoKey;
  readonly header: Uint8Array;
  /** What the length field says, which may be a lie. */
  readonly length: number;
  /** The 32,768 bytes behind it. */
  readonly padded: Uint8Array;
}

/** With a trailer of zeros. */
export function forge({ info, cryptoKey, header, length, padded }: Forgery): Block {
  const text = Buffer.alloc(4 + PAYLOAD_BYTES);
  text.writeUInt32BE(length);
  text.set(padded, 4);
  const keys = noble.hkdfSha256({
    ikm: cryptoKey,
    salt: new Uint8Array(0),
    info: Buffer.from(info),
    length: 64,
  });
  const nonce = noble.hmacSha256(keys.subarray(32), header, text).subarray(0, 24);
  const bytes = new Uint8Array(BLOCK_BYTES);
  bytes.set(header);
  bytes.set(nonce, 64);
  bytes.set(noble.xchacha20({ key: keys.subarray(0, 32), nonce, data: text }), 88);
  return block(bytes);
}

export function paddedPayload(text: string): Uint8Array {
  const padded = new Uint8Array(PAYLOAD_BYTES);
  padded.set(Buffer.from(text));
  return padded;
}

/** A copy with one bit changed. */
export function flipped(original: Block, bit: number): Block {
  const bytes = Uint8Array.from(original);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return block(bytes);
}

/** Every bit of header, N, length, the last bytes of the payload and the trailer, and a sample of those between. */
export function bitsToFlip(): number[] {
  const between = process.env['MIMEO_TEST_FULL'] === undefined ? 12_347 : 1_009;
  const bits: number[] = [];
  for (let bit = 0; bit < BLOCK_BYTES * 8;) {
    bits.push(bit);
    const isEdge = bit < 96 * 8 || bit >= (BLOCK_BYTES - 68) * 8;
    bit = isEdge ? bit + 1 : Math.min(bit + between, (BLOCK_BYTES - 68) * 8);
  }
  return bits;
}
