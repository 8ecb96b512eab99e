/**
 * The house rules that a compiler can't see (docs/ARCHITECTURE.md): no clock, timer or randomness in the pure rooms, files that
 * hold one concept, and a newcomer's path that stays short. Imports are checked by `npm run check:imports`.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const ROOT = join(import.meta.dirname, '..');
const PURE = ['keys', 'routing', 'transport', 'client'];
const ROOMS = [...PURE, 'store', 'fproxy', 'daemon'];

/** What a pure room is handed instead. */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\b|\bperformance\./, 'time: take `now`'],
  [/\bset(Timeout|Interval|Immediate)\b/, 'a timer: make it an effect'],
  [/\bMath\.random\b|\brandomBytes\b|\bgetRandomValues\b/, 'randomness: take a Random'],
  [/\bprocess\.[a-z]/, 'the process: it belongs to daemon/'],
  [/(?<![#\w])await /, 'waiting: make it an effect and an event'],
];

/** May wait, because scrypt runs on the thread pool. */
const MAY_AWAIT = new Set(['keys/ksk.ts', 'keys/primitives/native.ts', 'keys/primitives/noble.ts']);

const LINES_MAX = 400;
const PATH_LINES_MAX = 1_200;

function sources(room: string): string[] {
  return readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(room, file));
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** Comments may speak of what code may not do. */
function codeOf(file: string): string {
  return read(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '');
}

t.test('the pure rooms have no clock, no timer, no randomness and wait for nothing', async (t) => {
  for (const file of PURE.flatMap(sources)) {
    const code = codeOf(file);
    for (const [pattern, instead] of BANNED) {
      if (pattern.source.includes('await') && MAY_AWAIT.has(file)) continue;
      t.notMatch(code, pattern, `${file} has ${instead}`);
    }
  }
});

t.test('a file holds one concept: none is longer than can be read at a sitting', async (t) => {
  for (const file of ROOMS.flatMap(sources)) {
    const lines = read(file).split('\n').length;
    t.ok(lines <= LINES_MAX, `${file} has ${lines} lines`);
  }
});

t.test('every file says first what it is', async (t) => {
  for (const file of ROOMS.flatMap(sources)) {
    if (file.endsWith('/index.ts')) continue;
    t.match(read(file), /^\/\*\*/, `${file} begins with a comment`);
  }
});

t.test('an index.ts is a list of names', async (t) => {
  for (const file of ROOMS.flatMap(sources).filter((file) => file.endsWith('/index.ts'))) {
    t.notMatch(codeOf(file), /\b(function|class|const|let)\b/, `${file} has no logic`);
  }
});

t.test("the newcomer's path stays short", async (t) => {
  const path = [...read('docs/ARCHITECTURE.md').matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file]) => file ?? '');
  t.ok(path.length >= 6, 'the path is written in ARCHITECTURE.md');
  const lines = path.reduce((sum, file) => sum + read(file).split('\n').length, 0);
  t.ok(lines <= PATH_LINES_MAX, `${lines} lines in ${path.length} files`);
});
