/**
 * The inputs that lie in the repository: corpus/<target>/<what-they-are>.hex, regressions and starting points alike. Each line
 * is an input in hexadecimal; lines that begin with `#` say what they are.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'corpus');

export function readCorpus(target: string): Uint8Array[] {
  const folder = join(FOLDER, target);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith('.hex'));
  return files.sort().flatMap((name) => parseHex(readFileSync(join(folder, name), 'utf8'), name));
}

/** Folders that belong to no target would be read by nobody. */
export function corpusFolders(): string[] {
  return existsSync(FOLDER) ? readdirSync(FOLDER) : [];
}

function parseHex(text: string, name: string): Uint8Array[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    if (!/^(?:[0-9a-f]{2})*$/.test(line))
      throw new SyntaxError(`${name}: not hexadecimal: ${line.slice(0, 40)}`);
    return Uint8Array.from(Buffer.from(line, 'hex'));
  });
}
