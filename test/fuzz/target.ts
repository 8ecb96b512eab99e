/**
 * What can be fuzzed: something that reads foreign bytes, with the promises that it keeps whatever the bytes are.
 *
 * A target says what valid input looks like and what must hold of the answer; how inputs are changed, run and reported is the
 * engine's. It keeps no state from one input to the next, so that an input alone repeats its answer.
 */
import type { SeededRandom } from '../sim/random.ts';
import { ParseError, type ParseErrorCode } from '../../keys/index.ts';
import { UserError, type ErrorCode } from '../../client/index.ts';

export interface Target {
  readonly name: string;
  /** What `run` holds the reader to beyond its typed error, in one sentence. */
  readonly promise: string;
  /** Longest input; above it edits are cut. */
  readonly mostBytes: number;
  /** A valid input, another one at most calls. */
  readonly sample: (random: SeededRandom) => Uint8Array;
  /** Beside the edits of plain bytes, which every target gets. */
  readonly edits: readonly Edit[];
  /** Pieces of the format that edits put in. */
  readonly words?: readonly string[];
  /** Throws when a promise is broken; anything thrown is a finding. */
  readonly run: (input: Uint8Array) => Answer | Promise<Answer>;
}

/** `shape` tells ways through the reader apart: an input with a new one is kept. Digits in it do not count. */
export interface Answer {
  readonly type: 'accepted' | 'refused';
  readonly shape: string;
}

/** A changed copy of `input`, or undefined where the edit has nothing to work on. */
export type Edit = (change: Change) => Uint8Array | undefined;

export interface Change {
  readonly input: Uint8Array;
  /** Another input to take from. */
  readonly other: () => Uint8Array;
  readonly random: SeededRandom;
  readonly words: readonly string[];
}

export type Outcome<T> = { readonly type: 'value'; readonly value: T } | Answer;

/** The value, or the refusal if it is a typed one of these codes. @throws what is no such refusal */
export function attempt<T>(read: () => T, codes: readonly (ParseErrorCode | ErrorCode)[]): Outcome<T> {
  try {
    return { type: 'value', value: read() };
  } catch (error) {
    return refusal(error, codes);
  }
}

export function refusal(error: unknown, codes: readonly (ParseErrorCode | ErrorCode)[]): Answer {
  const isTyped = error instanceof ParseError || error instanceof UserError;
  if (!isTyped || !codes.includes(error.code)) throw error;
  return { type: 'refused', shape: `${error.code} ${error.message}` };
}

export function accepted(shape: string): Answer {
  return { type: 'accepted', shape };
}

/** @throws BrokenPromise */
export function ensure(isKept: boolean, promise: string): asserts isKept {
  if (!isKept) throw new BrokenPromise(promise);
}

class BrokenPromise extends Error {
  constructor(promise: string) {
    super(`not kept: ${promise}`);
    this.name = 'BrokenPromise';
  }
}

/** One of a list that is not empty. */
export function pick<T>(list: readonly T[], random: SeededRandom): T {
  if (list.length === 0) throw new RangeError('nothing to choose from');
  return list[random.below(list.length)] as T;
}
