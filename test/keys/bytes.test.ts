import * as fc from 'fast-check';
import t from 'tap';
import { block, cryptoKey, equalBytes, fromText, publicKey, publicKeyHash } from '../../keys/index.ts';
import { routingKey, seed, toText } from '../../keys/index.ts';
import { runs, throwsParseError } from './samples.ts';

void t.test('every byte string has one text and comes back from it', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => equalBytes(fromText(toText(bytes)), bytes)),
    runs(2_000),
  );
});

void t.test('a text that is accepted is the one that its bytes are written as', async () => {
  const character = fc.constantFrom(...Array.from('AQgwBCz019-_=+/ é'));
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 6 }), (text) => {
      try {
        return toText(fromText(text)) === text;
      } catch {
        return true;
      }
    }),
    runs(5_000),
  );
});

void t.test('text that Node would read leniently is refused', async (t) => {
  for (const text of ['AB', 'AAB', 'A', 'AAAAA', 'AA==', 'AA=', 'A+', 'A/', 'A A', ' AA', 'AA\n', 'ÄA']) {
    throwsParseError(t, () => fromText(text), { code: 'bad_key', name: JSON.stringify(text) });
  }
});

void t.test('what is read is a plain array, whose slice copies', async (t) => {
  const bytes = fromText('AAEC');
  const copy = bytes.slice();
  copy[0] = 9;
  t.equal(bytes[0], 0);
});

void t.test('a constructor asserts the length of its bytes', async (t) => {
  for (const make of [routingKey, cryptoKey, publicKey, publicKeyHash, seed]) {
    t.equal(make(new Uint8Array(32)).length, 32);
    t.throws(() => make(new Uint8Array(31)), { name: 'AssertionError' });
    t.throws(() => make(new Uint8Array(33)), { name: 'AssertionError' });
  }
  t.equal(block(new Uint8Array(32_924)).length, 32_924);
  t.throws(() => block(new Uint8Array(32_923)), { name: 'AssertionError' });
});
