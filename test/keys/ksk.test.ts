import t from 'tap';
import { deriveKsk, encodeSsk, KskBusyError, keyLimits } from '../../keys/index.ts';
import { kskScrypt } from '../../keys/ksk.ts';
import { native } from '../../keys/primitives/native.ts';
import { noble } from '../../keys/primitives/noble.ts';
import { throwsParseError, toHex, vectors } from './samples.ts';

void t.test('the committed vectors hold', async (t) => {
  const { keywords } = vectors('ksk') as {
    keywords: {
      keyword: string;
      name: string;
      seed: string;
      cryptoKey: string;
      publicKey: string;
      routingKey: string;
      helloBlockSha256: string;
    }[];
  };
  for (const vector of keywords) {
    const ksk = await deriveKsk(vector.keyword);
    t.equal(ksk.name, vector.name);
    t.equal(toHex(ksk.seed), vector.seed);
    t.equal(toHex(ksk.cryptoKey), vector.cryptoKey);
    t.equal(toHex(ksk.publicKey), vector.publicKey);
    const { routingKey, block } = encodeSsk({ secret: ksk, name: ksk.name, payload: Buffer.from('hello') });
    t.equal(toHex(routingKey), vector.routingKey);
    t.equal(toHex(native.sha256(block)), vector.helloBlockSha256);
  }
});

void t.test('native and noble derive the same secret', async (t) => {
  t.equal(toHex(await native.scrypt(kskScrypt('word'))), toHex(await noble.scrypt(kskScrypt('word'))));
});

void t.test('a keyword that is no name is a bad key', async (t) => {
  for (const keyword of ['', '..', 'a\nb', '\udc00', 'é'.repeat(257)]) {
    const outcome = await deriveKsk(keyword).catch((error: unknown) => error);
    const rethrow = () => {
      throw outcome as Error;
    };
    throwsParseError(t, rethrow, { code: 'bad_key', name: JSON.stringify(keyword.slice(0, 9)) });
  }
});

void t.test(
  'a full queue refuses at once, the waiting are served, and all places are free again',
  async (t) => {
    const places = keyLimits.kskAtOnce.value + keyLimits.kskWaiting.value;
    for (const round of [1, 2]) {
      const wanted = Array.from({ length: places }, (_, i) => deriveKsk(`word ${i % 3}`));
      await t.rejects(deriveKsk('one more'), KskBusyError, `round ${round}`);
      const served = await Promise.all(wanted);
      const secrets = new Set(served.map((ksk) => `${ksk.name} ${toHex(ksk.seed)}`));
      t.equal(served.length, places, `round ${round}`);
      t.equal(secrets.size, 3, 'everybody got the secret of their own word');
    }
  },
);
