/**
 * What a seized disk says to somebody who has a list of routing keys and not the store's key: nothing. Half of the keys of a list are in
 * the store; attackers score every key by looking at all files, and their scores must not tell one half from the other.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { createHash, createHmac } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { primitives, routingKey } from '../../keys/index.ts';
import type { RoutingKey } from '../../keys/index.ts';
import { openSlotStore } from '../../store/index.ts';
import { sizeForSlots, slotPosition } from '../../store/layout.ts';
import { storeSecrets } from '../../store/secrets.ts';
import { blockOf } from '../compliance/block-store.ts';
import { KEY, scratch, silent } from './stores.ts';

/** In all; half of them are present. */
const SAMPLES = 16_000;
const SLOTS = SAMPLES / 2 + 1_000;
const ID_BYTES = 16;

/** Seeded, so that a run can be repeated. */
function listedKey(number: number): RoutingKey {
  return routingKey(primitives.sha256(Buffer.from(`a seeded list of keys ${number}`)));
}

type Transform = (key: Uint8Array) => Uint8Array;

const hmacWith =
  (secret: Uint8Array): Transform =>
  (key) =>
    createHmac('sha256', secret).update(key).digest();

/** What somebody may guess that an id is made by. */
const GUESSES: Readonly<Record<string, Transform>> = {
  'the key itself': (key) => key,
  'its SHA-256': (key) => createHash('sha256').update(key).digest(),
  'its SHA-256 twice': (key) =>
    createHash('sha256').update(createHash('sha256').update(key).digest()).digest(),
  'HMAC with no key': hmacWith(new Uint8Array(0)),
  'HMAC with zeros': hmacWith(new Uint8Array(32)),
  'HMAC with a label': hmacWith(Buffer.from('mimeo/store/2/id')),
  'HKDF of zeros': hmacWith(
    primitives.hkdfSha256({
      ikm: new Uint8Array(32),
      salt: new Uint8Array(0),
      info: Buffer.from('mimeo/store/2/id'),
      length: 32,
    }),
  ),
};

/** Words of 64 bits, for distances. */
function halves(bytes: Uint8Array): [bigint, bigint] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, ID_BYTES);
  return [view.getBigUint64(0), view.getBigUint64(8)];
}

/** Chance that a present key scores above an absent one; ties count half. */
function areaUnderCurve(present: readonly number[], absent: readonly number[]): number {
  const all = [...present.map((score) => ({ score, is: 1 })), ...absent.map((score) => ({ score, is: 0 }))];
  all.sort((a, b) => a.score - b.score);
  let sum = 0;
  for (let at = 0; at < all.length;) {
    let end = at;
    while (end < all.length && all[end]?.score === all[at]?.score) end++;
    const rank = (at + end + 1) / 2;
    for (let item = at; item < end; item++) if (all[item]?.is === 1) sum += rank;
    at = end;
  }
  return (sum - (present.length * (present.length + 1)) / 2) / (present.length * absent.length);
}

function area(score: (key: Uint8Array) => number): number {
  const scores = (first: number) =>
    Array.from({ length: SAMPLES / 2 }, (_, index) => score(listedKey(first + index)));
  return areaUnderCurve(scores(0), scores(SAMPLES / 2));
}

/** In bits, after folding: how near the nearest name is by its leading bits. Names are sorted numbers. */
function leadingBits(sorted: readonly bigint[], wanted: bigint): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0n) < wanted) low = middle + 1;
    else high = middle;
  }
  const bits = (name: bigint | undefined) =>
    name === undefined ? 0 : 64 - (name ^ wanted).toString(2).length;
  return Math.max(bits(sorted[low - 1]), bits(sorted[low]));
}

function bitsSet(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

/** Least Hamming distance of the first 64 bits to any name. */
function nearest(names: Uint32Array, wanted: Uint8Array): number {
  const view = new DataView(wanted.buffer, wanted.byteOffset, 8);
  const [high, low] = [view.getUint32(0), view.getUint32(4)];
  let least = 64;
  for (let at = 0; at < names.length; at += 2) {
    const distance = bitsSet((names[at] ?? 0) ^ high) + bitsSet((names[at + 1] ?? 0) ^ low);
    if (distance < least) least = distance;
  }
  return least;
}

void t.test(
  'without the key a list of routing keys learns nothing from the files, with it everything',
  async (t) => {
    const directory = scratch(t);
    const store = await openSlotStore({
      directory,
      sizeBytes: sizeForSlots(SLOTS),
      storeShare: 0.99,
      key: KEY,
    });
    for (let first = 0; first < SAMPLES / 2; first += 500)
      await Promise.all(
        Array.from({ length: 500 }, (_, index) =>
          store.put(listedKey(first + index), blockOf(first + index), { part: 'store' }),
        ),
      );
    await silent(store);
    await store.close();

    const slots = readFileSync(join(directory, 'store.slots'));
    const heads = Array.from({ length: SLOTS }, (_, slot) =>
      slots.subarray(slotPosition(slot), slotPosition(slot) + ID_BYTES),
    );
    const index = new DatabaseSync(join(directory, 'index.sqlite'), { readOnly: true });
    const rows = index.prepare('SELECT id, sealed FROM slots').all();
    index.close();
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
    t.equal(rows.length, SLOTS, 'a row for every slot, free or not');
    t.equal(new Set(rows.map(({ sealed }) => (sealed as Uint8Array).length)).size, 1, 'and all of one size');
    t.same(
      new Set(rows.map(({ id }) => text(id as Uint8Array))),
      new Set(heads.map(text)),
      'and they are the heads of the slots',
    );

    const names = [...new Set(heads.map(text))].map((name) => Buffer.from(name, 'latin1'));
    const sorted = [0, 1].map((half) =>
      names.map((name) => halves(name)[half] ?? 0n).sort((a, b) => (a < b ? -1 : 1)),
    );
    const words = new Uint32Array(names.length * 2);
    for (const [at, name] of names.entries()) words.set([name.readUInt32BE(0), name.readUInt32BE(4)], at * 2);
    const texts = new Set(names.map(text));
    const prefixes = new Set(names.map((name) => name.readUIntBE(0, 3)));
    const files = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
    // Every aligned pair of bytes of every file.
    const pairs = new Uint32Array(65_536);
    for (const file of files)
      for (let at = 0; at + 1 < file.length; at += 2)
        pairs[file.readUInt16LE(at)] = (pairs[file.readUInt16LE(at)] ?? 0) + 1;

    for (const [what, guess] of Object.entries(GUESSES)) {
      const attackers: Record<string, (bytes: Uint8Array) => number> = {
        'is a name': (bytes) => Number(texts.has(text(bytes.subarray(0, ID_BYTES)))),
        'shares three bytes with a name': (bytes) =>
          Number(prefixes.has(Buffer.from(bytes).readUIntBE(0, 3))),
        'leading bits, first half': (bytes) => leadingBits(sorted[0] ?? [], halves(bytes)[0]),
        'leading bits, second half': (bytes) => leadingBits(sorted[1] ?? [], halves(bytes)[1]),
        'its bytes are common in the files': (bytes) => {
          let sum = 0;
          for (let at = 0; at < ID_BYTES; at += 2)
            sum += pairs[(bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)] ?? 0;
          return sum;
        },
      };
      if (what === 'the key itself' || what === 'its SHA-256')
        attackers['Hamming distance to the nearest name'] = (bytes) => -nearest(words, bytes);
      for (const [how, score] of Object.entries(attackers)) {
        const auc = area((key) => score(guess(key)));
        t.ok(auc >= 0.48 && auc <= 0.52, `${what}, ${how}: ${auc.toFixed(4)}`);
      }
    }
    const { slotId } = storeSecrets(KEY);
    const control = area((key) => Number(texts.has(text(slotId(routingKey(key))))));
    t.equal(control, 1, 'the key tells all');
  },
);

void t.test(
  'the bytes of the slots file and of the recency file are as random ones, full or empty',
  async (t) => {
    for (const blocks of [0, 150, 300]) {
      const directory = scratch(t);
      const store = await openSlotStore({ directory, sizeBytes: sizeForSlots(300), storeShare: 1, key: KEY });
      await silent(store);
      for (let first = 0; first < blocks; first += 50)
        await Promise.all(
          Array.from({ length: 50 }, (_, item) =>
            store.put(listedKey(first + item), blockOf(0), { part: 'store' }),
          ),
        );
      await store.close();
      for (const name of ['store.slots', 'recency']) {
        const bytes = readFileSync(join(directory, name));
        const z = chiSquareZ(bytes);
        // Six deviations: one run in 10^9 fails by chance.
        t.ok(Math.abs(z) < 6, `${name} with ${blocks} blocks: ${z.toFixed(2)} standard deviations`);
      }
      t.equal(readFileSync(join(directory, 'store.slots')).length, slotPosition(300));
    }
  },
);

/** How many standard deviations the counts of the 256 bytes are from what chance gives. */
function chiSquareZ(bytes: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  const expected = bytes.length / 256;
  let sum = 0;
  for (const count of counts) sum += (count - expected) ** 2 / expected;
  return (sum - 255) / Math.sqrt(2 * 255);
}
