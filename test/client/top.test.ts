import * as fc from 'fast-check';
import t from 'tap';
import { Getter } from '../../client/get.ts';
import { type Block, block, encodeSsk, equalBytes, hashPublicKey, SALTS } from '../../keys/index.ts';
import type { Salt } from '../../keys/index.ts';
import { run } from './driver.ts';
import { encodeMetadata } from '../../client/metadata.ts';
import { runs } from '../keys/samples.ts';
import { get, noise, put, secret, targets, uriOf } from './files.ts';
import { MemoryNetwork, placeName, SeededRandom, sha256 } from './world.ts';

const garbage: Block = block(noise(32_924));

/** The block of a one-block page under the keyword. */
function page(content: Uint8Array) {
  const body = { type: 'inline', data: content } as const;
  const metadata = {
    mimeType: 'a/b',
    sizeBytes: content.length,
    hash: sha256(content),
    packedBytes: undefined,
    body,
  };
  return encodeSsk({ secret, name: 'word', payload: encodeMetadata(metadata) });
}

/** Fetches `KSK@word` when the three places answer so: a letter is the page of that text, `-` is nothing, `?` does not open. */
function ask(answers: string): string {
  const network = new MemoryNetwork();
  for (const [index, answer] of answers.split('').entries()) {
    const { routingKey, block } = page(Buffer.from(answer));
    const found = answer === '?' ? garbage : block;
    if (answer !== '-') network.blocks.set(placeName(routingKey, index as Salt), found);
  }
  const { outcome, written } = get('KSK@word', { network });
  return outcome.type === 'failed' ? outcome.code : Buffer.from(written).toString();
}

void t.test(
  'of a keyword the page that most places have is taken, of equally many the one at the lowest salt',
  async (t) => {
    const cases = {
      aaa: 'a',
      aab: 'a',
      baa: 'a',
      aba: 'a',
      abc: 'a',
      cab: 'c',
      '-ba': 'b',
      'b-a': 'b',
      '--a': 'a',
      '?ba': 'b',
      '??a': 'a',
      '?--': 'bad_block',
      '---': 'data_not_found',
    };
    for (const [answers, expected] of Object.entries(cases)) t.equal(ask(answers), expected, answers);
  },
);

void t.test('of a keyword all three places are asked, even when they agree', async (t) => {
  const network = new MemoryNetwork();
  const uri = uriOf(put(noise(10), { network, target: targets.ksk }));
  get(uri, { network });
  t.equal(network.fetches, SALTS.length);
});

void t.test('a keyword that two places answer is read although the third has no route', async (t) => {
  const network = new MemoryNetwork();
  const uri = uriOf(put(noise(10), { network, target: targets.ksk }));
  network.fetchFault = ({ salt }) => (salt === 1 ? { type: 'noRoute' } : undefined);
  t.ok(equalBytes(get(uri, { network }).written, noise(10)));
  network.blocks.clear();
  t.match(get(uri, { network }).outcome, { type: 'failed', code: 'no_route' });
});

void t.test(
  'the top block of a CHK or an SSK is found wherever it lies, beside blocks that do not open',
  async () => {
    const answers = fc.array(fc.constantFrom('there', 'missing', 'garbage'), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(answers, fc.constantFrom('chk', 'ssk'), fc.nat(), (answers, target, seed) => {
        const network = new MemoryNetwork();
        const uri = uriOf(put(noise(10), { network, target: targets[target] }));
        network.fetchFault = ({ salt }) => {
          if (answers[salt] === 'missing') return { type: 'notFound' };
          return answers[salt] === 'garbage' ? { type: 'found', block: garbage } : undefined;
        };
        const { outcome, written } = get(uri, { network, seed });
        if (answers.includes('there')) return outcome.type === 'done' && equalBytes(written, noise(10));
        const code = answers.includes('garbage') ? 'bad_block' : 'data_not_found';
        return outcome.type === 'failed' && outcome.code === code && network.fetches === SALTS.length;
      }),
      runs(500),
    );
  },
);

void t.test('readers begin at each of the three places', async (t) => {
  const network = new MemoryNetwork();
  const uri = uriOf(put(noise(10), { network }));
  const firsts = new Map<Salt, number>();
  network.fetchFault = ({ salt }) => {
    firsts.set(salt, (firsts.get(salt) ?? 0) + 1);
    return undefined;
  };
  for (let seed = 0; seed < 60; seed++) get(uri, { network, seed });
  t.equal(network.fetches, 60, 'one fetch each');
  for (const salt of SALTS) t.ok((firsts.get(salt) ?? 0) > 8, `place ${salt}: ${firsts.get(salt)}`);
});

void t.test('a block that another key pair or another name has signed does not open', async (t) => {
  const network = new MemoryNetwork();
  const uri = uriOf(put(noise(10), { network, target: targets.ssk }));
  const other = encodeSsk({ secret, name: 'other', payload: noise(10) }).block;
  network.fetchFault = () => ({ type: 'found', block: other });
  t.match(get(uri, { network }).outcome, { type: 'failed', code: 'bad_block' });
});

void t.test('a name that no key can have ends a download once, before anybody is asked', async (t) => {
  for (const type of ['ssk', 'ksk'] as const) {
    const network = new MemoryNetwork();
    const { publicKey, cryptoKey } = secret;
    const target = { type, publicKeyHash: hashPublicKey(publicKey), cryptoKey, name: 'a\nb' };
    const getter = new Getter({ uri: '', target, random: new SeededRandom(1) });
    t.match(run(getter, { network, seed: 1 }).outcome, { type: 'failed', code: 'bad_key' });
    t.equal(network.fetches, 0);
  }
});
