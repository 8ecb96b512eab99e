/**
 * Seeded randomness: the same seed gives the same run on every machine. xoshiro128** (Blackman and Vigna) on 32-bit integers;
 * good for drawing, useless as a secret.
 */
import type { Random } from '../../keys/index.ts';

export class SeededRandom implements Random {
  /** The state, as signed 32-bit integers. */
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    // splitmix32 spreads neighbouring seeds over the whole state.
    let mixed = seed >>> 0;
    const word = (): number => {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      return mix(mixed);
    };
    this.#a = word();
    this.#b = word();
    this.#c = word();
    this.#d = word();
  }

  /** 0 … 2^32 - 1. */
  uint32(): number {
    const b = this.#b;
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const c = this.#c ^ this.#a;
    const d = this.#d ^ b;
    this.#b = b ^ c;
    this.#a ^= d;
    this.#c = c ^ (b << 9);
    this.#d = (d << 11) | (d >>> 21);
    return result;
  }

  /** [0, 1), a multiple of 2^-32. */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** 0 … `end` - 1. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** How long until something that happens every `mean` on the average, without memory. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.fraction());
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i += 4) {
      const word = this.uint32();
      for (let j = 0; j < 4 && i + j < count; j += 1) bytes[i + j] = word >>> (8 * j);
    }
    return bytes;
  }
}

/** [0, 1) from numbers alone, the same for the same: for what many ask about and nobody wants to remember. */
export function fractionOf(...numbers: readonly number[]): number {
  let mixed = 0;
  for (const number of numbers) mixed = mix((Math.imul(mixed, 31) + number + 0x9e3779b9) >>> 0);
  return (mixed >>> 0) / 2 ** 32;
}

/** splitmix32's scrambler; a signed 32-bit integer. */
function mix(word: number): number {
  let z = word;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}
