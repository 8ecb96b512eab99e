/**
 * Looks for secrets in every file below a directory, and in the names of the files: as they are and in the forms in which a
 * program may have written them. It opens no container: what was compressed or encrypted is noise to it, as to a thief.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../keys/index.ts';

export interface Hit {
  /** Name of the secret. */
  readonly secret: string;
  readonly form: string;
  /** Relative path; `(names)` for the list of all paths. */
  readonly file: string;
}

interface Needle {
  readonly secret: string;
  readonly form: string;
  readonly bytes: Buffer;
}

/** Shorter ones would be found in noise: six bytes turn up once in 2^48 places. */
const LEAST_BYTES = 9;

/** @param secrets by name; text stands for its UTF-8 */
export function scanDirectory(
  directory: string,
  secrets: Readonly<Record<string, string | Uint8Array>>,
): Hit[] {
  const index = new Index(
    Object.entries(secrets).flatMap(([name, secret]) => needles(name, Buffer.from(secret))),
  );
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const files = paths.filter(
    (path) => statSync(join(directory, path), { throwIfNoEntry: false })?.isFile() === true,
  );
  return [
    ...index.find(Buffer.from(paths.join('\n')), '(names)'),
    ...files.flatMap((file) => index.find(readFileSync(join(directory, file)), file)),
  ];
}

/** Every form of a secret, by name. */
export function forms(secret: Uint8Array): Map<string, Buffer> {
  const bytes = Buffer.from(secret);
  const texts = new Map<string, string>([
    ['hex', bytes.toString('hex')],
    ['HEX', bytes.toString('hex').toUpperCase()],
  ]);
  for (const shift of [0, 1, 2]) {
    texts.set(`base64+${shift}`, base64(bytes, shift));
    texts.set(`base64url+${shift}`, base64(bytes, shift).replaceAll('+', '-').replaceAll('/', '_'));
  }
  const found = new Map<string, Buffer>([['raw', bytes]]);
  for (const [form, text] of texts) found.set(form, Buffer.from(text));
  // As UTF-16 the text itself, and the texts that bytes are written as.
  for (const [form, text] of [['text', bytes.toString('latin1')] as const, ...texts]) {
    const wide = Buffer.from(text, 'utf16le');
    found.set(`${form} UTF-16LE`, wide);
    found.set(`${form} UTF-16BE`, Buffer.from(wide).swap16());
  }
  for (const [form, each] of Array.from(found)) found.set(`${form} reversed`, Buffer.from(each).reverse());
  return found;
}

/** The characters that depend on the bytes alone, when they begin `shift` bytes after a group of three. */
function base64(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
}

function needles(secret: string, bytes: Buffer): Needle[] {
  assert(bytes.length >= LEAST_BYTES, `${secret} is too short to be looked for`);
  return [...forms(bytes)].map(([form, each]) => ({ secret, form, bytes: each }));
}

/** By their first four bytes, behind a table of the first two: one pass over a file for all of them. */
class Index {
  readonly #starts = new Uint8Array(2 ** 16);
  readonly #needles = new Map<number, Needle[]>();

  constructor(all: readonly Needle[]) {
    for (const needle of all) {
      const start = needle.bytes.readUInt32BE(0);
      this.#starts[start >>> 16] = 1;
      this.#needles.set(start, [...(this.#needles.get(start) ?? []), needle]);
    }
  }

  find(content: Buffer, file: string): Hit[] {
    const hits = new Map<Needle, Hit>();
    let two = content[0] ?? 0;
    for (let at = 1; at < content.length; at += 1) {
      two = ((two << 8) | (content[at] ?? 0)) & 0xffff;
      if (this.#starts[two] === 0 || at + 3 > content.length) continue;
      for (const needle of this.#needles.get(content.readUInt32BE(at - 1)) ?? []) {
        const { secret, form, bytes } = needle;
        if (content.subarray(at - 1, at - 1 + bytes.length).equals(bytes))
          hits.set(needle, { secret, form, file });
      }
    }
    return [...hits.values()];
  }
}
