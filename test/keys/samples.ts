/** What the tests of this room share: arbitrary values, committed vectors, and the public vectors where they are at hand. */
import * as fc from 'fast-check';
import { existsSync, readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { cryptoKey, type Random, seed } from '../../keys/index.ts';
import { ParseError, type ParseErrorCode } from '../../keys/errors.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;

/** How often a property runs: a tenth of it normally. */
export function runs(fullCount: number): { numRuns: number } {
  return { numRuns: full ? fullCount : Math.ceil(fullCount / 10) };
}

export const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
export const cryptoKeys = bytes32.map(cryptoKey);
export const seeds = bytes32.map(seed);

/** Other bytes at every call, and the same in every run. */
export function countingRandom(): Random {
  let calls = 0;
  return {
    bytes: (count) => {
      calls++;
      return Uint8Array.from({ length: count }, (_, i) => (i * 37 + calls) & 0xff);
    },
  };
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export interface RepeatedBytes {
  readonly hex: string;
  readonly times: number;
}

export function repeated({ hex: unit, times }: RepeatedBytes): Uint8Array {
  return hex(unit.repeat(times));
}

/** Our own vectors, made by an implementation that shares no code with ours. */
export function vectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/keys/${name}.json`, import.meta.url), 'utf8'));
}

/** The public vectors, which lie beside the checkout where they do. */
export function publicVectors(name: string): unknown {
  const file = new URL(`../../../shared/vectors/${name}.json`, import.meta.url);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

export interface WycheproofCase {
  readonly tcId: number;
  readonly comment: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}

/** `groups` is empty, and the test skipped, where the public vectors are not at hand. */
export function wycheproof(name: string): { groups: unknown; options: { skip: string | false } } {
  const file = publicVectors(`wycheproof-${name}_test`) as { testGroups: unknown } | undefined;
  return {
    groups: file?.testGroups ?? [],
    options: { skip: file ? false : 'the public vectors are not at hand' },
  };
}

/** That `call` throws a ParseError of this code whose message contains `says`. */
export function throwsParseError(
  t: Test,
  call: () => unknown,
  { code, says = '', name }: { code: ParseErrorCode; says?: string; name: string },
): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const isExpected = error.code === code && error.message.includes(says);
    t.ok(isExpected, name, { found: `${error.code}: ${error.message}`, wanted: `${code}: … ${says} …` });
    return;
  }
  t.fail(`${name}: nothing was thrown`);
}
