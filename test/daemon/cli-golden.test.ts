/**
 * What people read: help and errors, word for word. A golden file is a transcript: `$` a command, `!` a line of stderr, `=` the
 * exit status if it is not 0. MIMEO_GOLDEN=write writes the files anew from the commands that stand in them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { commands } from '../../daemon/cli/commands.ts';
import { run } from './cli-run.ts';

async function transcript(cwd: string, golden: string): Promise<string> {
  const parts = [];
  for (const [, line = ''] of golden.matchAll(/^\$ mimeo ?(.*)$/gm)) {
    const { status, stdout, stderr } = await run(line.split(' ').filter(Boolean), { cwd });
    const said = stderr.replace(/^(?=.)/gm, '! ');
    const ended = status === 0 ? '' : `= ${status}\n`;
    parts.push(`$ mimeo${line === '' ? '' : ' '}${line}\n${stdout}${said}${ended}`);
  }
  return parts.join('\n').replaceAll(cwd, '/home/user');
}

for (const name of ['help', 'errors']) {
  const path = join(import.meta.dirname, '..', 'golden', `${name}.txt`);
  void t.test(`${name}: every command answers as the transcript says`, async (t) => {
    const cwd = t.testdir({ 'wrong.d': { 'mimeo.toml': '[store]\nsiez = "1GiB"\n' } });
    const golden = readFileSync(path, 'utf8');
    const now = await transcript(cwd, golden);
    if (process.env['MIMEO_GOLDEN'] === 'write') writeFileSync(path, now);
    else t.equal(now, golden);
  });
}

void t.test('the transcript of help has every command', async (t) => {
  const golden = readFileSync(join(import.meta.dirname, '..', 'golden', 'help.txt'), 'utf8');
  for (const { name } of commands) t.match(golden, `$ mimeo help ${name}\n`, name);
});
