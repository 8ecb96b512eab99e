/** What the stem must know again after a restart: it comes back as it was, shows nothing, and is never taken for none. */
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { encodeCbor } from '../../../keys/index.ts';
import { type StemState, stemLimits } from '../../../routing/index.ts';
import { SealedFile } from '../../../daemon/node/sealed-file.ts';
import { StemFile } from '../../../daemon/node/stem-file.ts';
import { scanDirectory } from '../disk-scan.ts';
import { noise, scratch } from './content.ts';
import { smallDisk } from './small-disk.ts';

const random = { bytes: (count: number) => randomBytes(count) };
const key = noise(32, 'key of the disk');

function place(directory: string) {
  return { path: join(directory, 'stem'), key, random };
}

function bytes(sizeBytes: number, name: string): Uint8Array {
  return Uint8Array.from(noise(sizeBytes, name));
}

const state: StemState = {
  secret: bytes(32, 'secret'),
  guards: [
    {
      identity: 'guard-that-is-a-friend-of-mine',
      group: '192.0',
      reference: undefined,
      kind: 'friend',
      isProvisional: false,
      drawnAt: 1_700_000_000_000,
      endsAt: 1_712_000_000_000,
      seenAt: 1_700_000_500_000,
    },
    {
      identity: 'guard-that-is-a-stranger',
      group: 'tor',
      reference: bytes(300, 'reference of a guard'),
      kind: 'other',
      isProvisional: true,
      drawnAt: 0,
      endsAt: 1,
      seenAt: 2,
    },
  ],
  draws: [1_700_000_000_000, 1_700_000_000_001],
  places: [{ identity: 'node-that-asks-through-this-one', group: '10.9', seenAt: 1_700_000_000_002 }],
  connected: [{ identity: 'peer-that-was-there-for-long', ms: 86_400_001 }],
  loops: ['way-that-came-back'],
};
const none: StemState = { ...state, guards: [], draws: [], places: [], connected: [], loops: [] };

void t.test('what the stem was is there again after a restart, byte for byte', async (t) => {
  const file = place(scratch(t));
  t.equal(new StemFile(file).kept, undefined);
  for (const one of [state, none]) {
    await new StemFile(file).remember(one);
    t.strictSame(new StemFile(file).kept, one);
  }
});

void t.test('every state comes back, with its times in whole milliseconds', async (t) => {
  const name = fc.string({ minLength: 1, maxLength: 60, unit: 'binary-ascii' });
  const time = fc.double({ min: 0, max: 2 ** 45, noNaN: true });
  const guard = fc.record({
    identity: name,
    group: name,
    reference: fc.option(fc.uint8Array({ maxLength: 2_000 }), { nil: undefined }),
    kind: fc.constantFrom('friend' as const, 'other' as const),
    isProvisional: fc.boolean(),
    drawnAt: time,
    endsAt: time,
    seenAt: time,
  });
  const any: fc.Arbitrary<StemState> = fc.record({
    secret: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    guards: fc.array(guard, { maxLength: stemLimits.guards.value }),
    draws: fc.array(time, { maxLength: stemLimits.guardDraws.value }),
    places: fc.array(fc.record({ identity: name, group: name, seenAt: time }), {
      maxLength: stemLimits.stemPlaces.value,
    }),
    connected: fc.array(fc.record({ identity: name, ms: time })),
    loops: fc.array(name),
  });
  const file = place(scratch(t));
  const whole = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'number' ? Math.round(inner) : inner)),
    );
  await fc.assert(
    fc.asyncProperty(any, async (state) => {
      await new StemFile(file).remember(state);
      t.same(whole(new StemFile(file).kept), whole(state));
    }),
    { numRuns: 50 },
  );
});

void t.test('lists that are longer than their limits are cut, and what is written can be read', async (t) => {
  const file = place(scratch(t));
  const many = <T>(count: number, make: (name: string) => T): T[] =>
    Array.from({ length: count }, (_, n) => make(`peer ${n}`));
  const places = many(100, (identity) => ({ identity, group: 'g', seenAt: 1 }));
  const connected = many(10_000, (identity) => ({ identity, ms: 1 }));
  const loops = many(10_000, (name) => name);
  await new StemFile(file).remember({ ...state, places, connected, loops });
  t.strictSame(new StemFile(file).kept, {
    ...state,
    places: places.slice(0, stemLimits.stemPlaces.value),
    connected: connected.slice(0, stemLimits.connectedKept.value),
    loops: loops.slice(0, stemLimits.loopsKept.value),
  });
});

void t.test('of states that come one after the other the last one is on disk', async (t) => {
  const file = place(scratch(t));
  const stem = new StemFile(file);
  for (let n = 0; n < 50; n += 1) void stem.remember({ ...state, draws: [n] });
  await stem.settled();
  t.same(new StemFile(file).kept?.draws, [49]);
  t.same(readdirSync(dirname(file.path)), ['stem'], 'and no draft beside it');
});

void t.test(
  'the file says nothing to who has it and not the key, not even who is how often in it',
  async (t) => {
    const file = place(scratch(t));
    await new StemFile(file).remember(state);
    const [friend, other] = state.guards;
    const hits = scanDirectory(dirname(file.path), {
      secret: state.secret,
      friend: friend?.identity ?? '',
      other: other?.identity ?? '',
      reference: other?.reference ?? '',
      place: state.places[0]?.identity ?? '',
      connected: state.connected[0]?.identity ?? '',
      loop: state.loops[0] ?? '',
    });
    t.same(hits, []);
    const size = readFileSync(file.path).length;
    await new StemFile(file).remember(none);
    t.equal(readFileSync(file.path).length, size);
  },
);

void t.test(
  'a file that does not open, or opens and holds something else, is damaged and left alone',
  (t) => {
    const file = place(scratch(t));
    const write = (value: Parameters<typeof encodeCbor>[0]) =>
      SealedFile.open({ ...file, name: 'stem' }).replace(encodeCbor(value));
    const good = { v: 1, secret: state.secret, guards: [], draws: [], places: [], connected: [], loops: [] };
    const guard = { id: 'a', group: 'b', kind: 'other', provisional: false, drawn: 0, ends: 0, seen: 0 };
    write({ ...good, guards: [guard] });
    t.equal(new StemFile(file).kept?.guards[0]?.identity, 'a');
    const wrong: Parameters<typeof encodeCbor>[0][] = [
      null,
      [],
      'stem',
      { ...good, v: 2 },
      { ...good, secret: noise(31) },
      { ...good, guards: [null] },
      ...['id', 'group', 'kind', 'provisional', 'drawn', 'ends', 'seen'].map((name) => ({
        ...good,
        guards: [Object.fromEntries(Object.entries(guard).filter(([field]) => field !== name))],
      })),
      { ...good, guards: [{ ...guard, kind: 'stranger' }] },
      { ...good, guards: [{ ...guard, ref: 'text' }] },
      { ...good, draws: ['yesterday'] },
      { ...good, draws: [-1] },
      { ...good, places: ['a'] },
      { ...good, places: [['a']] },
      { ...good, connected: [[1, 'a']] },
      { ...good, loops: [''] },
      ...Object.keys(good).map((name) =>
        Object.fromEntries(Object.entries(good).filter(([field]) => field !== name)),
      ),
    ];
    for (const value of wrong) {
      write(value);
      t.throws(() => new StemFile(file), { code: 'state_damaged' }, JSON.stringify(value));
    }
    const noisy = Buffer.concat([Buffer.of(1), noise(4_095)]);
    writeFileSync(file.path, noisy);
    t.throws(() => new StemFile(file), { code: 'state_damaged' });
    t.same(readFileSync(file.path), noisy);
    t.end();
  },
);

void t.test('a file of another name does not open as this one', (t) => {
  const file = place(scratch(t));
  SealedFile.open({ ...file, name: 'strangers' }).replace(encodeCbor({ v: 1 }));
  t.throws(() => new StemFile(file), { code: 'state_damaged' });
  t.end();
});

const disk = smallDisk(t, '64k');

void t.test(
  'on a full disk what is to be remembered is refused with its code, and the old file stands',
  { skip: disk === undefined && 'needs to mount a tmpfs' },
  async (t) => {
    const file = place(disk ?? '');
    const stem = new StemFile(file);
    await stem.remember(state);
    const filler = join(disk ?? '', 'filler');
    t.throws(() => writeFileSync(filler, noise(200_000)), { code: 'ENOSPC' });
    await t.rejects(stem.remember(none), { code: 'disk_full' });
    await stem.settled();
    t.strictSame(new StemFile(file).kept, state);
    rmSync(filler);
    await stem.remember(none);
    t.strictSame(new StemFile(file).kept, none);
  },
);
