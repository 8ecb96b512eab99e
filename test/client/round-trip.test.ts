import * as fc from 'fast-check';
import t from 'tap';
import type { Layout } from '../../client/layout.ts';
import { encodeMetadata } from '../../client/metadata.ts';
import { equalBytes, PUBLIC_CONVERGENCE_SECRET } from '../../keys/index.ts';
import { runs } from '../keys/samples.ts';
import { convergenceSecret, get, noise, prose, put, targets, tinyLayout, uriOf } from './files.ts';
import { MemoryNetwork, sha256 } from './world.ts';

const own = { type: 'convergent', secret: convergenceSecret } as const;

/** Inserts and fetches in one network, and says what it took. */
function roundTrip(
  content: Uint8Array,
  options: { target?: keyof typeof targets; layout?: Layout; seed?: number },
) {
  const { target = 'chk', ...rest } = options;
  const network = new MemoryNetwork();
  const putting = put(content, { network, target: targets[target], ...rest });
  const getting = get(uriOf(putting), { network, ...rest });
  return {
    putting,
    getting,
    blocks: new Set([...network.blocks.keys()].map((place) => place.slice(0, 43))).size,
  };
}

void t.test('a file of any size comes back bit for bit under every kind of key', async (t) => {
  const inlineMost = 32_768 - 100;
  for (const target of ['chk', 'ssk', 'ksk'] as const) {
    for (const size of [0, 1, inlineMost, 32_767, 32_768, 32_769, 5 * 32_768, 130 * 32_768 + 1]) {
      if (size > 1_000_000 && target !== 'ssk') continue;
      for (const make of [noise, prose]) {
        const content = make(size);
        const { putting, getting } = roundTrip(content, { target });
        const name = `${target}, ${size} bytes of ${make.name}`;
        t.same(
          putting.outcome,
          { type: 'done', uri: putting.uriKnown, mimeType: 'text/plain', sizeBytes: size },
          name,
        );
        t.same(getting.outcome, putting.outcome, name);
        t.ok(equalBytes(getting.written, content), name);
      }
    }
  }
});

void t.test('a file that fits one block is one block, for every kind of key', async (t) => {
  for (const target of ['chk', 'ssk', 'ksk'] as const) {
    for (const content of [noise(0), noise(1), noise(32_600), prose(80_000)]) {
      t.equal(roundTrip(content, { target }).blocks, 1, `${target}, ${content.length} bytes`);
    }
  }
});

void t.test('one byte decides between one block and two, and the top block is full then', async (t) => {
  const sizes = Array.from({ length: 200 }, (_, index) => 32_569 + index);
  const most =
    sizes.findLast((size) => put(noise(size), { mode: 'keyOnly' }).progress.at(-1)?.total === 3) ?? 0;
  const { mimeType, sizeBytes, hash } = {
    mimeType: 'text/plain',
    sizeBytes: most,
    hash: sha256(noise(most)),
  };
  const body = { type: 'inline', data: noise(most) } as const;
  t.equal(encodeMetadata({ mimeType, sizeBytes, hash, packedBytes: undefined, body }).length, 32_768);
  for (const [size, expected] of [
    [most, 1],
    [most + 1, 2],
  ] as const) {
    const { getting, blocks } = roundTrip(noise(size), {});
    t.equal(blocks, expected);
    t.ok(equalBytes(getting.written, noise(size)));
  }
});

void t.test('a file is compressed when that saves blocks, and only then', async (t) => {
  const form = (content: Uint8Array) => roundTrip(content, {}).getting.opened?.form;
  t.equal(form(noise(100_000)), 'plain', 'noise');
  t.equal(form(prose(30_000)), 'plain', 'what fits one block as it is');
  t.equal(form(prose(100_000)), 'zstd', 'four blocks that become one');
  const mixed = Uint8Array.from([...noise(5 * 32_768 - 1_000), ...prose(2_000)]);
  t.equal(form(mixed), 'zstd', 'the last block saved');
});

void t.test(
  'with deep lists a file of any length comes back, and its blocks are as many as announced',
  async () => {
    const lengths = fc.integer({ min: 0, max: 2_600 });
    const kinds = fc.constantFrom(...(['chk', 'ssk', 'ksk'] as const));
    fc.assert(
      fc.property(lengths, kinds, fc.constantFrom(noise, prose), fc.nat(), (length, target, make, seed) => {
        const content = make(length, seed);
        const { putting, getting, blocks } = roundTrip(content, { target, layout: tinyLayout, seed });
        const announced = putting.progress.at(-1);
        return (
          equalBytes(getting.written, content) &&
          getting.outcome.type === 'done' &&
          // Two blocks of equal content are one in the network.
          announced !== undefined &&
          announced.total >= blocks + 2 &&
          announced.total === announced.succeeded &&
          getting.progress.at(-1)?.succeeded === announced.total - 2
        );
      }),
      runs(400),
    );
  },
);

void t.test('lists of three levels are needed for this file, and it comes back', async (t) => {
  const content = noise(2_600);
  const { putting, getting } = roundTrip(content, { layout: tinyLayout });
  // 41 content blocks, 21 + 11 + 6 list blocks, and the top block at three places.
  t.equal(putting.progress.at(-1)?.total, 41 + 21 + 11 + 6 + 3);
  t.ok(equalBytes(getting.written, content));
});

void t.test(
  'a file with more levels than readers accept is refused before anything is inserted',
  async (t) => {
    const network = new MemoryNetwork();
    const { outcome } = put(noise(20_000), { network, layout: tinyLayout });
    t.match(outcome, { type: 'failed', code: 'too_large' });
    t.equal(network.inserts, 0);
  },
);

void t.test('what is opened says type, size and hash before any content is fetched', async (t) => {
  const network = new MemoryNetwork();
  const content = noise(100_000);
  const uri = uriOf(put(content, { network, mimeType: 'image/png' }));
  const { opened } = get(uri, { network, world: { cancelAfter: 2 } });
  t.equal(network.fetches, 1);
  t.equal(opened?.mimeType, 'image/png');
  t.equal(opened?.sizeBytes, 100_000);
  t.same(opened?.hash, sha256(content));
});

void t.test(
  'equal files of one secret have one key, of two secrets two, and random keys never repeat',
  async (t) => {
    const content = noise(70_000);
    const uri = (options: Parameters<typeof put>[1]) => uriOf(put(content, { mode: 'keyOnly', ...options }));
    t.equal(uri({ key: own, seed: 1 }), uri({ key: own, seed: 2 }));
    t.not(uri({ key: own }), uri({ key: { type: 'convergent', secret: PUBLIC_CONVERGENCE_SECRET } }));
    t.not(uri({ key: { type: 'random' }, seed: 1 }), uri({ key: { type: 'random' }, seed: 2 }));
    const network = new MemoryNetwork();
    const random = put(content, { network, key: { type: 'random' } });
    t.ok(equalBytes(get(uriOf(random), { network }).written, content));
  },
);

void t.test('keyOnly gives the URI that inserting gives, and inserts nothing', async (t) => {
  for (const target of Object.values(targets)) {
    for (const content of [noise(10), noise(70_000), prose(300_000)]) {
      const network = new MemoryNetwork();
      const { outcome, progress } = put(content, { network, target, mode: 'keyOnly' });
      t.same(outcome, put(content, { target }).outcome);
      t.equal(network.inserts, 0);
      t.equal(progress.at(-1)?.succeeded, progress.at(-1)?.total);
    }
  }
});

void t.test('a file name becomes part of the text of a CHK, and is not inserted', async (t) => {
  const content = noise(10);
  const uri = uriOf(put(content, { target: { type: 'chk', fileName: 'a picture.png' } }));
  t.equal(uri, `${uriOf(put(content))}/a%20picture.png`);
});

void t.test('what no key can hold is refused before the source is read', async (t) => {
  const cases = [
    { options: { target: { type: 'chk', fileName: 'a\nb' } }, code: 'bad_key' },
    { options: { target: { ...targets.ssk, name: '' } }, code: 'bad_key' },
    { options: { mimeType: 'text/plain\r\nX: y' }, code: 'bad_request' },
  ] as const;
  for (const { options, code } of cases) {
    const { outcome, steps } = put(noise(10), options);
    t.match(outcome, { type: 'failed', code });
    t.equal(steps, 1);
  }
});

void t.test(
  'the top block goes to all three places, and only after every other block is stored',
  async (t) => {
    const network = new MemoryNetwork();
    const places: string[] = [];
    network.insertFault = ({ key, salt }) => {
      places.push(`${Buffer.from(key).toString('hex')}/${salt}`);
      return undefined;
    };
    uriOf(put(noise(2_000), { network, layout: tinyLayout }));
    const salts = places.map((place) => place.slice(-1));
    t.same(salts.slice(-3).sort(), ['0', '1', '2']);
    t.ok(salts.slice(0, -3).every((salt) => salt === '0'));
    t.equal(new Set(places.slice(-3).map((place) => place.slice(0, 64))).size, 1);
  },
);
