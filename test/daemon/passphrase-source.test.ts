/** Where a daemon gets its passphrase from when it starts. Real processes. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Home } from './home.ts';
import { PASSPHRASE, lockedHome } from './locked-home.ts';

void t.test(
  'the passphrase comes from a file, from stdin or from systemd, and from no argument',
  async (t) => {
    const { home, file } = await lockedHome(t);
    const wrong = home.file('wrong', 'not this one');
    t.match(await home.start('--passphrase-file', wrong), {
      status: 16,
      stdout: '',
      stderr: /\(wrong_passphrase\)/,
    });
    t.match(await home.start('--passphrase-file', 'missing'), { status: 1, stderr: /\(source_unreadable\)/ });
    t.equal(home.holder, undefined);
    t.match(await home.start('--passphrase-file', '-'), { status: 2, stderr: /mimeo unlock/ });

    t.match(
      await home.start('--passphrase-file', 'passphrase'),
      { status: 0, stderr: /listening/ },
      'a relative path',
    );
    const proc = `/proc/${home.holder}`;
    if (existsSync(proc))
      for (const name of ['cmdline', 'environ'])
        t.notMatch(readFileSync(join(proc, name), 'utf8'), 'correct horse');
    t.notMatch(readFileSync(join(home.dataDir, 'daemon.log'), 'utf8'), 'correct horse');
    t.match(await home.mimeo('stop'), { status: 0 });

    const credentials = join(home.directory, 'credentials');
    mkdirSync(credentials);
    home.env['CREDENTIALS_DIRECTORY'] = credentials;
    t.match(await home.start(), { status: 0, stderr: /Locked/ }, 'a directory without ours');
    t.match(await home.mimeo('stop'), { status: 0 });
    home.file('credentials/mimeo-passphrase', PASSPHRASE);
    t.match(await home.start(), { status: 0, stderr: /listening/ });
    t.match(await home.mimeo('stop'), { status: 0 });
    t.match(await home.start('--passphrase-file', wrong), { status: 16 }, 'what is named goes before it');
    t.ok(existsSync(file));
  },
);

void t.test('a passphrase for a disk that has none is said not to protect it', async (t) => {
  const home = new Home(t);
  t.match(await home.start(), { status: 0 });
  t.match(await home.mimeo('stop'), { status: 0 });
  const started = await home.start('--passphrase-file', home.file('passphrase', PASSPHRASE));
  t.match(started, { status: 0, stderr: /The passphrase is not used: .*mimeo key passphrase/ });
  const { stdout } = await home.mimeo('status');
  t.match(stdout, /! The key to this disk lies on it/);
  t.match(await home.mimeo('rpc', 'node.unlock', `passphrase=${PASSPHRASE}`), {
    status: 2,
    stderr: /use `mimeo unlock`/,
  });
  t.match(await home.mimeo('rpc', 'key.passphrase', 'next=x'), { status: 2, stderr: /mimeo key passphrase/ });
});
