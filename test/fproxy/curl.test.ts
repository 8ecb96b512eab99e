/** The programs that people use beside a browser, as they are installed here; passes without them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { startWeb } from './web.ts';

interface Ran {
  readonly code: number;
  readonly out: string;
}

/** Undefined when the program is not installed. */
async function run(program: string, args: readonly string[]): Promise<Ran | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { env: { PATH: process.env['PATH'] } });
    return { code: 0, out: stdout };
  } catch (error) {
    const { code, stdout } = error as { code: number | string; stdout: string };
    return typeof code === 'number' ? { code, out: stdout } : undefined;
  }
}

t.test('curl fetches, resumes, inserts, and sees what fails', async (t) => {
  if (!(await run('curl', ['--version']))) return t.pass('not installed');
  const web = await startWeb(t);
  web.node.add('KSK@page', { bytes: Buffer.from('<p>0123456789'), mimeType: 'text/html' });
  web.node.add('KSK@cut', { bytes: Buffer.alloc(1_000_000), mimeType: 'text/html', failsAt: 500_000 });
  const at = (path: string) => `${web.origin}${path}`;
  t.same(await run('curl', ['-s', at('/KSK@page')]), { code: 0, out: '<p>0123456789' });
  t.same(await run('curl', ['-s', '-C', '5', at('/KSK@page')]), { code: 0, out: '23456789' });
  t.equal((await run('curl', ['-s', '-f', at('/KSK@missing')]))?.code, 22);
  t.equal((await run('curl', ['-s', '-o', '/dev/null', at('/KSK@cut')]))?.code, 18, 'a part is not a file');
  t.same(await run('curl', ['-s', '-T', import.meta.filename, at('/KSK@self')]), {
    code: 0,
    out: 'KSK@self\n',
  });
  t.match(
    (await run('curl', ['-s', '-T', import.meta.filename, at('/CHK@')]))?.out,
    /^CHK@[\w-]+,[\w-]+,AQA\n$/,
  );
  t.match((await run('curl', ['-s', at('/KSK@self')]))?.out, 'The programs that people use');
  return undefined;
});

t.test('wget fetches, and sees what fails', async (t) => {
  if (!(await run('wget', ['--version']))) return t.pass('not installed');
  const web = await startWeb(t);
  web.node.add('KSK@page', { bytes: Buffer.from('content'), mimeType: 'text/html' });
  web.node.add('KSK@cut', { bytes: Buffer.alloc(1_000_000), mimeType: 'text/html', failsAt: 500_000 });
  const wget = (path: string) => run('wget', ['-q', '--tries=1', '-O', '-', `${web.origin}${path}`]);
  t.same(await wget('/KSK@page'), { code: 0, out: 'content' });
  t.equal((await wget('/KSK@missing'))?.code, 8, 'the server answered with an error');
  t.equal((await run('wget', ['-q', '--tries=1', '-O', '/dev/null', `${web.origin}/KSK@cut`]))?.code, 4);
  return undefined;
});
