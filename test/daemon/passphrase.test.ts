/** `mimeo key passphrase` and the ways in which a person gives one: by files, at a real terminal, with a daemon and without. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import t, { type Test } from 'tap';
import { askOnTerminal, readPassphraseFile } from '../../daemon/cli/passphrase.ts';
import { passphraseState } from '../../daemon/node/vault.ts';
import { run } from './cli-run.ts';
import { Home, launcher } from './home.ts';

const [FIRST, SECOND] = ['correct horse battery', 'staple and six words'];

/** With keys, stopped. */
async function home(t: Test): Promise<Home> {
  const home = new Home(t);
  t.match(await home.start(), { status: 0 });
  t.match(await home.mimeo('stop'), { status: 0 });
  return home;
}

for (const where of ['by a daemon', 'without a daemon'] as const) {
  void t.test(`set, changed and removed ${where}, by files`, async (t) => {
    const it = await home(t);
    if (where === 'by a daemon') await it.start();
    const [first, second] = [it.file('first', `${FIRST}\n`), it.file('second', `${SECOND}\r\n`)];
    const passphrase = (...args: string[]) => it.mimeo('key', 'passphrase', ...args);
    const state = () => passphraseState(it.dataDir);

    t.match(await passphrase('--remove'), { status: 2, stderr: /no passphrase to remove/ });
    t.match(await passphrase(), { status: 2, stderr: /no terminal/ });
    t.match(await passphrase('--new-passphrase-file', it.file('short', 'short')), {
      status: 2,
      stderr: /\(bad_passphrase\)/,
    });
    t.equal(state(), 'none');
    t.match(await passphrase('--new-passphrase-file', first), {
      status: 0,
      stdout: '',
      stderr: /^The passphrase is set\./,
    });
    t.equal(state(), 'set');
    t.match(await passphrase('--passphrase-file', second, '--new-passphrase-file', second), { status: 16 });
    t.match(await passphrase('--passphrase-file', first, '--new-passphrase-file', second), { status: 0 });
    t.match(await passphrase('--passphrase-file', first, '--remove'), {
      status: 16,
      stderr: /\(wrong_passphrase\)/,
    });
    if (where === 'by a daemon') {
      const api = await it.api();
      t.match(await api.call('node.info', {}), { passphrase: 'set' });
      t.notMatch((await it.mimeo('status')).stdout, 'The key to this disk lies on it');
      t.match(await it.mimeo('stop'), { status: 0 });
      t.match(await it.start('--passphrase-file', second), { status: 0, stderr: /listening/ });
    }
    t.match(await passphrase('--passphrase-file', second, '--remove'), {
      status: 0,
      stderr: /no passphrase any more/,
    });
    t.equal(state(), 'none');
    t.strictSame(readdirSync(join(it.dataDir, 'keys')).sort(), ['keyring', 'master']);
    t.equal(existsSync(join(it.dataDir, 'lock')), where === 'by a daemon');
  });
}

void t.test(
  'options that exclude each other, and a directory without keys, are refused before anything is asked',
  async (t) => {
    const it = await home(t);
    for (const args of [
      ['--remove', '--new-passphrase-file', 'x'],
      ['--passphrase-file', '-', '--new-passphrase-file', '-'],
    ])
      t.match(await it.mimeo('key', 'passphrase', ...args), { status: 2 });
    const empty = new Home(t);
    t.match(await empty.mimeo('key', 'passphrase'), { status: 17, stderr: /\(keys_missing\)/ });
    t.notOk(existsSync(empty.dataDir), 'and nothing was made');
  },
);

void t.test('a person is asked for what is needed: the present one once, the new one twice', async (t) => {
  const it = await home(t);
  const change = async (args: string, secrets: readonly string[]) => {
    const asked: string[] = [];
    const argv = [...`key passphrase ${args}`.trim().split(' '), '--data-dir', it.dataDir];
    return { ...(await run(argv, { cwd: it.directory, secrets, asked })), asked };
  };
  const [present, fresh, again] = [
    'Present passphrase: ',
    'New passphrase (8 characters or more): ',
    'The same again: ',
  ];
  t.match(await change('', [FIRST, 'another']), {
    status: 2,
    asked: [fresh, again],
    stderr: /the two differ/,
  });
  t.match(await change('', ['', '']), { status: 2, stderr: /is empty \(bad_passphrase\)/ });
  t.equal(passphraseState(it.dataDir), 'none');
  t.match(await change('', [FIRST, FIRST]), { status: 0, asked: [fresh, again] });
  t.match(await change('', ['wrong one', SECOND, SECOND]), { status: 16, asked: [present, fresh, again] });
  t.match(await change('', [FIRST, SECOND, SECOND]), { status: 0 });
  const file = it.file('file', SECOND);
  t.match(await change(`--passphrase-file ${file}`, [FIRST, FIRST]), { status: 0, asked: [fresh, again] });
  t.match(await change('--remove', [FIRST]), { status: 0, asked: [present] });
  t.equal(passphraseState(it.dataDir), 'none');
});

void t.test('a file or stdin is one line; its newline and nothing else is taken off', async (t) => {
  const it = new Home(t);
  const ways = [
    (content: string) => readPassphraseFile('-', Readable.from([Buffer.from(content)])),
    (content: string) => readPassphraseFile(it.file('content', content), Readable.from([])),
  ];
  for (const from of ways) {
    t.equal(await from('a phrase\n'), 'a phrase');
    t.equal(await from('a phrase\r\n'), 'a phrase');
    t.equal(await from(' a phrase '), ' a phrase ');
    t.equal(await from('a phrase\n\n'), 'a phrase\n', 'which is refused as two lines');
    t.equal(await from(''), '', 'which is refused as empty');
    await t.rejects(from('x'.repeat(5_000)), { code: 'bad_passphrase', message: /more than 4096 bytes/ });
  }
  const binary = it.file('binary', Buffer.from([0xff, 0xfe]));
  await t.rejects(readPassphraseFile(binary, Readable.from([])), {
    code: 'bad_passphrase',
    message: /is not text/,
  });
  await t.rejects(
    readPassphraseFile('/dev/zero', Readable.from([])),
    { code: 'bad_passphrase' },
    'without an end',
  );
  const missing = join(it.directory, 'missing');
  await t.rejects(readPassphraseFile(missing, Readable.from([])), {
    code: 'source_unreadable',
    message: /ENOENT/,
  });
});

void t.test('what is typed is edited like a line, and is not shown', async (t) => {
  let shown = '';
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      shown += chunk.toString();
      done();
    },
  });
  const typed = async (keys: string): Promise<string[]> => {
    const input = new PassThrough();
    const answers = askOnTerminal(['One: ', 'Two: '], { input, output });
    input.write(keys);
    return answers;
  };
  t.strictSame(await typed('first\rsecx\u007fond\r'), ['first', 'second']);
  t.strictSame(await typed('f\u00fcnf\rno\u0015yes\r'), ['f\u00fcnf', 'yes'], 'Ctrl-U takes the line away');
  t.equal(shown, 'One: \nTwo: \n'.repeat(2));
  for (const keys of ['first\r\u0003', 'first\r\u0004'])
    await t.rejects(typed(keys), { code: 'cancelled' }, 'Ctrl-C and Ctrl-D');
});

const script = ['/usr/bin/script', '/bin/script'].find(existsSync);
void t.test(
  'at a real terminal nothing of it appears on the screen',
  script === undefined ? { skip: 'there is no script(1) to make a terminal' } : {},
  async (t) => {
    const it = await home(t);
    const command = [process.execPath, launcher, 'key', 'passphrase'].join(' ');
    const child = spawn(script ?? '', ['-qec', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], HOME: it.directory, SHELL: '/bin/sh' },
      cwd: it.directory,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let screen = '';
    const answers = [FIRST, FIRST];
    const exit = once(child, 'exit');
    child.stdout.on('data', (chunk: Buffer) => {
      const before = screen.split(': ').length;
      screen += chunk.toString();
      for (let asked = before; asked < screen.split(': ').length; asked += 1)
        child.stdin.write(`${answers.shift() ?? ''}\r`);
    });
    t.strictSame((await exit)[0], 0);
    t.match(
      screen,
      /^New passphrase \(8 characters or more\): \r?\n.*The same again: \r?\n.*The passphrase is set\./s,
    );
    t.notMatch(screen, 'correct');
    t.equal(passphraseState(it.dataDir), 'set');
    t.notOk(readFileSync(join(it.dataDir, 'daemon.log'), 'utf8').includes('correct'));
  },
);
