/**
 * Changes for formats that people write: words, numbers, lines, separators, percent signs, and characters that look like nothing
 * or like something else. Bytes that are no UTF-8 are left to the edits of bytes.
 */
import { pick, type Change, type Edit } from '../target.ts';
import type { SeededRandom } from '../../sim/random.ts';

const SEPARATORS = '/,@:;=?#%&.-_"\'[]{}()<>|\\ \t\r\n\0'.split('');
const CHARACTERS = [
  '\ufeff',
  '\u0000',
  '\u007f',
  '\u0085',
  '\u00ad',
  '\u200b',
  '\u202e',
  '\u2028',
  '\ufffd',
  '\u{1f600}',
  // One letter in two forms, letters that folding changes, and a digit that is none of ASCII.
  'é',
  'e\u0301',
  'ß',
  'İ',
  'K',
  'ſ',
  '٣',
  '..',
  '%00',
  '%2F',
  '%2e%2e',
  '%E9',
  '%f0%9f%98%80',
];
const NUMBERS = [
  '0',
  '-0',
  '-1',
  '00',
  '1e9',
  '1e400',
  '0x10',
  '1.5',
  'NaN',
  'Infinity',
  '65535',
  '65536',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '99999999999999999999',
];

type TextEdit = (text: string, change: Change) => string | undefined;

const putSeparator: TextEdit = (text, { random }) => put(text, pick(SEPARATORS, random), random);
const putCharacter: TextEdit = (text, { random }) => put(text, pick(CHARACTERS, random), random);
const putWord: TextEdit = (text, { random, words }) =>
  words.length === 0 ? undefined : put(text, pick(words, random), random);

const changeNumber: TextEdit = (text, { random }) =>
  replaceOne(text, { pattern: /\d+/g, by: () => pick(NUMBERS, random), random });

const changeWord: TextEdit = (text, { random, words }) =>
  words.length === 0
    ? undefined
    : replaceOne(text, { pattern: /[\w.-]+/g, by: () => pick(words, random), random });

const changeSeparator: TextEdit = (text, { random }) =>
  replaceOne(text, { pattern: /[^\w\s]|\s/g, by: () => pick(SEPARATORS, random), random });

const dropWord: TextEdit = (text, { random }) => replaceOne(text, { pattern: /\w+/g, by: () => '', random });

const foldCase: TextEdit = (text, { random }) =>
  replaceOne(text, {
    pattern: /[a-z]+/gi,
    by: (word) => (word === word.toLowerCase() ? word.toUpperCase() : word.toLowerCase()),
    random,
  });

const escape: TextEdit = (text, { random }) =>
  replaceOne(text, {
    pattern: /[\x20-\x7e]/g,
    by: (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
    random,
  });

const escapeAll: TextEdit = (text) => (text.isWellFormed() ? encodeURIComponent(text) : undefined);

const doubleWord: TextEdit = (text, { random }) =>
  replaceOne(text, { pattern: /[\w.-]+/g, by: (word) => word + word, random });

const pasteLine: TextEdit = (text, { random, other }) => {
  const lines = text.split('\n');
  lines.splice(random.below(lines.length + 1), 0, pick(Buffer.from(other()).toString().split('\n'), random));
  return lines.join('\n');
};

const dropLine: TextEdit = (text, { random }) => {
  const lines = text.split('\n');
  lines.splice(random.below(lines.length), 1);
  return lines.join('\n');
};

const swapLines: TextEdit = (text, { random }) => {
  const lines = text.split('\n');
  const taken = lines.splice(random.below(lines.length), 1);
  lines.splice(random.below(lines.length + 1), 0, ...taken);
  return lines.join('\n');
};

const quote: TextEdit = (text, { random }) =>
  replaceOne(text, { pattern: /[\w.-]+/g, by: (word) => JSON.stringify(word), random });

const wrap: TextEdit = (text, { random }) => {
  const [open = '', close = ''] = pick(['[]', '{}', '""', '()', '<>'], random);
  const times = pick([1, 2, 40, 2_000], random);
  return replaceOne(text, {
    pattern: /[\w.-]+/g,
    by: (word) => open.repeat(times) + word + close.repeat(times),
    random,
  });
};

const TEXT_EDITS: readonly TextEdit[] = [
  putSeparator,
  putCharacter,
  putWord,
  putWord,
  changeNumber,
  changeWord,
  changeSeparator,
  dropWord,
  foldCase,
  escape,
  escapeAll,
  doubleWord,
  pasteLine,
  dropLine,
  swapLines,
  quote,
  wrap,
];

export const editText: Edit = (change) => {
  const text = pick(TEXT_EDITS, change.random)(Buffer.from(change.input).toString(), change);
  return text === undefined ? undefined : Buffer.from(text);
};

function put(text: string, piece: string, random: SeededRandom): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + piece + text.slice(at);
}

function replaceOne(
  text: string,
  { pattern, by, random }: { pattern: RegExp; by: (found: string) => string; random: SeededRandom },
): string | undefined {
  const all = [...text.matchAll(pattern)];
  if (all.length === 0) return undefined;
  const found = pick(all, random);
  return text.slice(0, found.index) + by(found[0]) + text.slice(found.index + found[0].length);
}
