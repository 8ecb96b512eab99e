/**
 * Seeded randomness: the same seed gives the same run on every machine. xoshiro128** (Blackman and Vigna) on 32-bit integers;
 * good for drawing, useless as a secret.
 */
import type { Random } from '../../keys/index.ts';

export class SeededRandom implements Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    // splitmix32 spreads neighbouring seeds over the whole state.
    let mixed = seed >>> 0;
    for (let i = 0; i < 4; i += 1) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let z = mixed;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#state[i] = z ^ (z >>> 15);
    }
  }

  /** 0 … 2^32 - 1. */
  uint32(): number {
    const state = this.#state;
    const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = state;
    const scrambled = Math.imul(s1, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const t = s1 << 9;
    const n2 = s2 ^ s0;
    const n3 = s3 ^ s1;
    state[1] = s1 ^ n2;
    state[0] = s0 ^ n3;
    state[2] = n2 ^ t;
    state[3] = (n3 << 11) | (n3 >>> 21);
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

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i += 4) {
      const word = this.uint32();
      for (let j = 0; j < 4 && i + j < count; j += 1) bytes[i + j] = word >>> (8 * j);
    }
    return bytes;
  }
}
