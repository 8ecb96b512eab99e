/** The version of the package that this file belongs to. Sources and compiled files lie at different depths below it. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assert } from '../../keys/index.ts';

export function packageVersion(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    assert(folder !== dirname(folder), 'the program lies in its package');
    folder = dirname(folder);
  }
  const { version }: { version?: unknown } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  assert(typeof version === 'string', 'the package has a version');
  return version;
}
