/** Small files that must not be lost, and those whose old content must go. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  destroySecretFile,
  readStateFile,
  replaceSecretFile,
  writeStateFile,
} from '../../../daemon/node/state-file.ts';
import { noise, scratch } from './content.ts';
import { smallDisk } from './small-disk.ts';

void t.test('a draft that a crash has left is written over', (t) => {
  const path = join(scratch(t), 'state');
  writeFileSync(`${path}.new`, 'half of somethi');
  t.equal(readStateFile(path), undefined);
  writeStateFile(path, 'whole');
  t.equal(readStateFile(path)?.toString(), 'whole');
  t.notOk(existsSync(`${path}.new`));
  t.throws(() => writeStateFile(join(path, 'below'), 'x'), { code: 'disk_failed' });
  t.end();
});

void t.test('a secret that is replaced is no longer in the blocks that it lay in', (t) => {
  const directory = scratch(t);
  const [path, witness] = [join(directory, 'secret'), join(directory, 'the same blocks')];
  replaceSecretFile(path, Buffer.from('first'));
  t.equal(statSync(path).mode & 0o777, 0o600);
  linkSync(path, witness);
  replaceSecretFile(path, Buffer.from('second'));
  t.equal(readFileSync(path, 'utf8'), 'second');
  const left = readFileSync(witness);
  t.equal(left.length, 4_096, 'the whole block was overwritten');
  t.notOk(left.includes('first'));
  t.notOk(left.includes(Buffer.alloc(16)), 'with noise');
  t.end();
});

void t.test(
  'a secret that is destroyed is overwritten and gone; one that is not there is no failure',
  (t) => {
    const directory = scratch(t);
    const [path, witness] = [join(directory, 'secret'), join(directory, 'the same blocks')];
    writeFileSync(path, noise(5_000));
    linkSync(path, witness);
    t.equal(destroySecretFile(path), true);
    t.notOk(existsSync(path));
    t.equal(readFileSync(witness).length, 8_192);
    t.notSame(readFileSync(witness).subarray(0, 5_000), noise(5_000));
    t.equal(destroySecretFile(path), false);
    t.equal(destroySecretFile(join(directory, 'nowhere', 'secret')), false);
    mkdirSync(path);
    t.throws(() => destroySecretFile(path), { code: 'disk_failed' });
    t.end();
  },
);

for (const [write, content] of [
  ['writeStateFile', 'String(turn % 10).repeat(200_000)'],
  ['replaceSecretFile', 'Buffer.from(String(turn % 10).repeat(200_000))'],
] as const) {
  void t.test(`a process that is killed in ${write} leaves the old content or the new one`, async (t) => {
    const path = join(scratch(t), 'state');
    const module = JSON.stringify(new URL('../../../daemon/node/state-file.ts', import.meta.url).href);
    const script = `
      import { ${write} } from ${module};
      for (let turn = 0; ; turn++) {
        ${write}(${JSON.stringify(path)}, ${content});
        if (turn === 20) process.stdout.write('ready');
      }`;
    for (let round = 0; round < (process.env['MIMEO_TEST_FULL'] ? 20 : 3); round += 1) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        env: { PATH: process.env['PATH'] },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      t.match(readStateFile(path)?.toString(), /^(\d)\1{199999}$/);
    }
  });
}

const disk = smallDisk(t, '64k');
void t.test(
  'a disk that is full in the middle of a file is disk_full, and the old file stays',
  disk === undefined ? { skip: 'mounting a small disk needs root' } : {},
  (t) => {
    const path = join(disk ?? '', 'peers');
    for (const write of [writeStateFile, replaceSecretFile]) {
      writeStateFile(path, 'a'.repeat(20_000));
      writeFileSync(join(disk ?? '', 'ballast'), noise(24_000));
      t.throws(() => write(path, Buffer.from('b'.repeat(30_000))), { code: 'disk_full' });
      t.equal(readStateFile(path)?.toString(), 'a'.repeat(20_000));
      rmSync(join(disk ?? '', 'ballast'));
      write(path, Buffer.from('b'.repeat(20_000)));
      t.equal(readStateFile(path)?.toString(), 'b'.repeat(20_000));
    }
    writeFileSync(join(disk ?? '', 'ballast'), noise(24_000));
    t.equal(destroySecretFile(path), true, 'what is destroyed needs no room');
    t.same(readdirSync(disk ?? '').sort(), ['ballast']);
    t.end();
  },
);
