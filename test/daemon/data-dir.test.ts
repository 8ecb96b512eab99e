/** Places, permissions, and the lock with real processes that are killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { readDaemonFile, removeDaemonFile, writeDaemonFile } from '../../daemon/config/daemon-file.ts';
import { findPlaces, occupiedBytes, prepareDataDir } from '../../daemon/config/data-dir.ts';
import { lockDataDir, lockHolder } from '../../daemon/config/lock.ts';

void t.test(
  'the data directory: option, variable, XDG, home; one that was named carries its own mimeo.toml',
  async (t) => {
    const env = { HOME: '/home/u', XDG_DATA_HOME: '/xd', XDG_CONFIG_HOME: '/xc', MIMEO_DATA_DIR: 'from-env' };
    const cwd = '/here';
    t.strictSame(findPlaces({ dataDir: 'd', env, cwd }), {
      dataDir: '/here/d',
      configFile: '/here/d/mimeo.toml',
    });
    t.strictSame(findPlaces({ dataDir: undefined, env, cwd }), {
      dataDir: '/here/from-env',
      configFile: '/here/from-env/mimeo.toml',
    });
    t.strictSame(findPlaces({ dataDir: undefined, env: { ...env, MIMEO_DATA_DIR: '' }, cwd }), {
      dataDir: '/xd/mimeo',
      configFile: '/xc/mimeo/mimeo.toml',
    });
    t.strictSame(
      findPlaces({ dataDir: undefined, env: { HOME: '/home/u', XDG_DATA_HOME: 'relative' }, cwd }),
      { dataDir: '/home/u/.local/share/mimeo', configFile: '/home/u/.config/mimeo/mimeo.toml' },
    );
  },
);

void t.test('a data directory is made for this user alone, with the folders above it', async (t) => {
  const dataDir = join(t.testdir(), 'a', 'b');
  prepareDataDir(dataDir);
  t.equal(statSync(dataDir).mode & 0o777, 0o700);
  prepareDataDir(dataDir);
});

void t.test('one that others can open is refused and left as it is', async (t) => {
  const dataDir = join(t.testdir(), 'open');
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o755);
  t.throws(() => prepareDataDir(dataDir), { code: 'data_dir_unusable', message: /mode 755/ });
  t.equal(statSync(dataDir).mode & 0o777, 0o755);
});

void t.test('one that is a file is refused', async (t) => {
  const dir = t.testdir({ file: 'x' });
  t.throws(() => prepareDataDir(join(dir, 'file')), { code: 'data_dir_unusable' });
  t.throws(() => prepareDataDir(join(dir, 'file', 'below')), { code: 'data_dir_unusable' });
});

void t.test('what lies in a directory is counted through its folders', async (t) => {
  const dir = t.testdir({ a: '12345', b: { c: '678' } });
  t.equal(occupiedBytes(dir), 8);
  t.equal(occupiedBytes(join(dir, 'nowhere')), 0);
});

void t.test('daemon.json is private, whole, and nothing when it is damaged', async (t) => {
  const dir = t.testdir();
  const content = {
    pid: 7,
    rpcSocket: '/s',
    fproxy: 'http://127.0.0.1:1',
    listen: '127.0.0.1:2',
    version: '1.0.0',
  };
  t.equal(readDaemonFile(dir), undefined);
  writeDaemonFile(dir, content);
  t.strictSame(readDaemonFile(dir), content);
  t.equal(statSync(join(dir, 'daemon.json')).mode & 0o777, 0o600);
  t.strictSame(readdirSync(dir), ['daemon.json']);
  for (const damaged of ['', '{', '{"pid":-1}', 'null']) {
    writeFileSync(join(dir, 'daemon.json'), damaged);
    t.equal(readDaemonFile(dir), undefined, damaged);
  }
  removeDaemonFile(dir);
  removeDaemonFile(dir);
  t.strictSame(readdirSync(dir), []);
});

void t.test('a lock is held once, names its holder, and is released once', async (t) => {
  const dir = t.testdir();
  const lock = lockDataDir(dir);
  t.equal(lockHolder(dir), process.pid);
  t.throws(() => lockDataDir(dir), {
    code: 'data_dir_locked',
    message: new RegExp(`process ${process.pid} `),
  });
  t.strictSame(readdirSync(dir), ['lock']);
  lock.release();
  t.equal(lockHolder(dir), undefined);
  const next = lockDataDir(dir);
  lock.release();
  t.strictSame(readdirSync(dir), ['lock'], 'releasing twice');
  next.release();
});

void t.test('a lock that somebody else put in place is not released', async (t) => {
  const dir = t.testdir();
  const lock = lockDataDir(dir);
  writeFileSync(join(dir, 'lock'), '1 other\n');
  lock.release();
  t.ok(existsSync(join(dir, 'lock')));
});

void t.test(
  'a lock of a pid that lives but was born later is stale',
  { skip: !existsSync('/proc/self/stat') },
  async (t) => {
    const dir = t.testdir({ lock: `${process.pid} another-boot/1\n` });
    t.equal(lockHolder(dir), undefined);
    lockDataDir(dir).release();
  },
);

void t.test('a lock file with nothing readable in it is held by nobody', async (t) => {
  for (const content of ['', 'garbage', '0 x\n', '99999999999999999999 x\n']) {
    const dir = t.testdir({ lock: content });
    lockDataDir(dir).release();
    t.strictSame(readdirSync(dir), [], JSON.stringify(content));
  }
});

const lockModule = new URL('../../daemon/config/lock.ts', import.meta.url).href;

/** A real process that takes the lock, says how that went, and stays. */
function holder(dir: string): ChildProcess {
  const script = `
    import { lockDataDir } from ${JSON.stringify(lockModule)};
    try { lockDataDir(${JSON.stringify(dir)}); console.log('locked'); } catch (error) { console.log(error.code); }
    process.stdin.resume();`;
  const env = { ...process.env, NODE_OPTIONS: '' };
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function firstLine(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('stdout is a pipe');
  const [line] = (await once(createInterface(stdout), 'line')) as [string];
  return line;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

void t.test('a process that was killed with -9 holds nothing, and its lock is taken over', async (t) => {
  const dir = t.testdir();
  const first = holder(dir);
  t.teardown(() => end(first));
  t.equal(await firstLine(first), 'locked');
  t.equal(lockHolder(dir), first.pid);
  t.throws(() => lockDataDir(dir), { code: 'data_dir_locked', message: new RegExp(`process ${first.pid} `) });

  await end(first);
  t.match(readFileSync(join(dir, 'lock'), 'utf8'), `${first.pid} `, 'its lock is still there');
  t.equal(lockHolder(dir), undefined);
  const second = holder(dir);
  t.teardown(() => end(second));
  t.equal(await firstLine(second), 'locked');
  t.equal(lockHolder(dir), second.pid);
  t.strictSame(readdirSync(dir), ['lock'], 'nothing is left of the take-over');
});

void t.test('of several that find a dead lock at once, one takes it', async (t) => {
  const dir = t.testdir({ lock: '999999999 dead\n' });
  const many = Array.from({ length: process.env['MIMEO_TEST_FULL'] ? 40 : 5 }, () => holder(dir));
  t.teardown(() => Promise.all(many.map(end)));
  const said = await Promise.all(many.map(firstLine));
  t.equal(said.filter((line) => line === 'locked').length, 1);
  t.equal(said.filter((line) => line === 'data_dir_locked').length, many.length - 1);
});

void t.test('a process that died while it was taking over does not block the next', async (t) => {
  const dir = t.testdir({ lock: '999999999 dead\n', 'lock.claim': '999999998 dead\n' });
  const lock = lockDataDir(dir);
  t.strictSame(readdirSync(dir), ['lock']);
  lock.release();
});
