/** A folder for a target whose reader takes a path: made when it is first asked for, removed with the process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made = new Map<string, string>();

export function scratchFolder(name: string): string {
  const known = made.get(name);
  if (known !== undefined) return known;
  const path = mkdtempSync(join(tmpdir(), `mimeo-fuzz-${name}-`));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  made.set(name, path);
  return path;
}
