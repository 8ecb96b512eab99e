/** Pages that are made from the code are what the code makes; pages that are written name all that the code has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { errorTable } from '../../client/index.ts';
import { commands } from '../../daemon/cli/commands.ts';
import { settingNames } from '../../daemon/config/settings.ts';
import { errorsPage, limitsPage } from '../../daemon/docs.ts';
import { rpcLimits } from '../../daemon/rpc/limits.ts';

function page(...path: string[]): string {
  return readFileSync(join(import.meta.dirname, '..', '..', 'docs', ...path), 'utf8');
}

void t.test('LIMITS.md and ERRORS.md are what `npm run docs` writes', async (t) => {
  t.equal(page('LIMITS.md'), limitsPage());
  t.equal(page('ERRORS.md'), errorsPage());
});

void t.test('every limit has a unit and a reason, and every error a hint that is a sentence', async (t) => {
  const rows = limitsPage()
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  t.ok(rows.length > 40);
  for (const row of rows) t.match(row, /^\| `\w+` \| [\d,.]+ \| [^|]+ \| \S[^|]+[.`] \|$/, row);
  for (const [code, { hint }] of Object.entries(errorTable)) t.match(hint, /^[A-Z].+/, code);
});

void t.test('cli.md has every command and every setting', async (t) => {
  const text = page('spec', 'cli.md');
  const results = text.slice(text.indexOf('result on stdout'), text.indexOf('## 2.'));
  for (const { name } of commands) t.match(results, `\`${name}\``, name);
  for (const name of settingNames) t.match(text, `| \`${name}\` |`, name);
});

void t.test('rpc.md has every limit of the socket that a client can meet', async (t) => {
  const text = page('spec', 'rpc.md');
  const ours: readonly string[] = ['answerBytes', 'connectMs'];
  for (const name of Object.keys(rpcLimits)) if (!ours.includes(name)) t.match(text, `\`${name}\``, name);
});
