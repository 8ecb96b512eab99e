/** Uploads without a path on their way into the network: encrypted, bounded, gone when they are done with. */
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { Spool } from '../../../daemon/node/spool.ts';
import { noise, scratch } from './content.ts';
import { smallDisk } from './small-disk.ts';

const MARKER = Buffer.from('a sentence that nobody may find on this disk');

async function* pieces(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

const never = new AbortController().signal;

void t.test('a body comes back as it was, as often as it is opened', async (t) => {
  const spool = new Spool(join(scratch(t), 'spool'), 1_000_000);
  for (const body of [
    [],
    [Buffer.alloc(0)],
    [MARKER],
    [noise(300_000), Buffer.alloc(0), noise(1), noise(99_999)],
  ]) {
    const spooled = await spool.take(pieces(...body), never);
    for (let turn = 0; turn < 2; turn += 1)
      t.ok((await buffer(spooled.open())).equals(Buffer.concat(body)), `${body.length} pieces`);
    t.equal(spool.usedBytes, Buffer.concat(body).length);
    spooled.discard();
    spooled.discard();
    t.equal(spool.usedBytes, 0);
  }
});

void t.test('on disk lies noise, for this user alone', async (t) => {
  const directory = join(scratch(t), 'spool');
  const spool = new Spool(directory, 1_000_000);
  const body = Buffer.concat([MARKER, Buffer.alloc(10_000), MARKER]);
  const spooled = [await spool.take(pieces(body), never), await spool.take(pieces(body), never)];
  const names = readdirSync(directory);
  const [first, second] = names.map((name) => readFileSync(join(directory, name)));
  t.equal(first?.length, body.length);
  for (const kept of [first, second]) {
    t.notOk(kept?.includes(MARKER));
    t.notOk(kept?.includes(Buffer.alloc(16)), 'no zeros show through');
  }
  t.notSame(first, second, 'equal bodies look different');
  t.equal(statSync(directory).mode & 0o777, 0o700);
  for (const name of names) t.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
  for (const each of spooled) each.discard();
  t.same(readdirSync(directory), []);
});

void t.test('what is beyond the quota is disk_quota, and takes no room from what was there', async (t) => {
  const directory = join(scratch(t), 'spool');
  const spool = new Spool(directory, 1_000);
  const kept = await spool.take(pieces(noise(600)), never);
  await t.rejects(spool.take(pieces(noise(300), noise(101)), never), { code: 'disk_quota' });
  t.equal(spool.usedBytes, 600);
  t.equal(readdirSync(directory).length, 1);
  const rest = await spool.take(pieces(noise(400)), never);
  t.equal(spool.usedBytes, 1_000, 'to the last byte');
  t.ok((await buffer(kept.open())).equals(noise(600)));
  rest.discard();
  kept.discard();
});

void t.test('a body that breaks off, or is aborted, leaves nothing', async (t) => {
  const directory = join(scratch(t), 'spool');
  const spool = new Spool(directory, 1_000_000);
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield noise(1_000);
    throw new Error('the browser has gone');
  };
  await t.rejects(spool.take(broken(), never), { message: 'the browser has gone' });
  const abort = new AbortController();
  const aborted = async function* (): AsyncGenerator<Uint8Array> {
    yield noise(1_000);
    abort.abort();
    yield noise(1_000);
  };
  await t.rejects(spool.take(aborted(), abort.signal), { name: 'AbortError' });
  await t.rejects(spool.take(pieces(noise(1_000)), AbortSignal.abort()), { name: 'AbortError' });
  t.equal(spool.usedBytes, 0);
  t.same(readdirSync(directory), []);
});

void t.test('what an earlier run left behind is removed', async (t) => {
  const directory = join(scratch(t), 'spool');
  const before = new Spool(directory, 1_000);
  await before.take(pieces(MARKER), never);
  writeFileSync(join(directory, 'leftover'), MARKER);
  t.equal(readdirSync(directory).length, 2);
  const after = new Spool(directory, 1_000);
  t.same(readdirSync(directory), []);
  t.equal(after.usedBytes, 0);
});

const disk = smallDisk(t, '1m');
void t.test(
  'a full disk is disk_full, and the room is given back',
  disk === undefined ? { skip: 'mounting a small disk needs root' } : {},
  async (t) => {
    const directory = join(disk ?? '', 'spool');
    const spool = new Spool(directory, 100_000_000);
    await t.rejects(spool.take(pieces(noise(900_000), noise(900_000)), never), { code: 'disk_full' });
    t.equal(spool.usedBytes, 0);
    t.same(readdirSync(directory), []);
    const spooled = await spool.take(pieces(noise(500_000)), never);
    t.ok((await buffer(spooled.open())).equals(noise(500_000)));
    spooled.discard();
  },
);
