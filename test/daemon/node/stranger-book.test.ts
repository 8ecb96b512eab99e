/** What is kept of strangers over a restart, and the proof that is paid once. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { PROOF_BYTES, findProof, isPaid } from '../../../daemon/node/proof.ts';
import { SealedFile } from '../../../daemon/node/sealed-file.ts';
import { StrangerBook } from '../../../daemon/node/stranger-book.ts';
import { noise, scratch } from './content.ts';

const random = { bytes: (count: number) => randomBytes(count) };
const key = noise(32, 'key of the disk');

function place(t: Test) {
  return { path: join(scratch(t), 'strangers'), key, random };
}

void t.test('who was a peer and what was paid is there again after a restart, and sealed', async (t) => {
  const file = place(t);
  const book = new StrangerBook(file);
  t.same([book.nodes, book.proofFor(noise(300, 'own'))], [[], undefined]);
  const nodes = [noise(300, 'a'), noise(2_500, 'b')].map((bytes) => Uint8Array.from(bytes));
  const [reference, proof] = [noise(300, 'own'), noise(PROOF_BYTES, 'proof')];
  await Promise.all([book.remember(nodes), book.pay({ reference, proof })]);
  const again = new StrangerBook(file);
  t.same(again.nodes, nodes);
  t.same(again.proofFor(reference), Uint8Array.from(proof));
  t.equal(again.proofFor(noise(300, 'own with another address')), undefined);
  t.notOk(readFileSync(file.path).includes(noise(300, 'a').subarray(0, 16)));
});

void t.test('no more than the limit are kept, the first ones', async (t) => {
  const file = place(t);
  const most = nodeLimits.rememberedStrangers.value;
  const nodes = Array.from({ length: most + 5 }, (_, n) => Uint8Array.from(noise(100, `${n}`)));
  await new StrangerBook(file).remember(nodes);
  t.same(new StrangerBook(file).nodes, nodes.slice(0, most));
});

void t.test(
  'a file that opens and holds something else, or does not open, is damaged and left alone',
  (t) => {
    const file = place(t);
    SealedFile.open({ ...file, name: 'strangers' }).replace(Buffer.from('a16176f6', 'hex'));
    t.throws(() => new StrangerBook(file), { code: 'state_damaged' });
    const noisy = Buffer.concat([Buffer.of(1), noise(4_095)]);
    writeFileSync(file.path, noisy);
    t.throws(() => new StrangerBook(file), { code: 'state_damaged' });
    t.same(readFileSync(file.path), noisy);
    t.end();
  },
);

void t.test('a proof is good for its reference alone', async (t) => {
  const reference = noise(330, 'reference');
  const { signal } = new AbortController();
  const proof = await findProof(reference, { random, signal });
  t.ok(proof !== undefined && isPaid(reference, proof));
  if (proof === undefined) return;
  t.notOk(isPaid(noise(330, 'another'), proof));
  const changed = proof.map((byte, at) => (at === 3 ? byte ^ 1 : byte));
  t.notOk(isPaid(reference, changed));
  t.notOk(isPaid(reference, proof.subarray(1)));
  t.notOk(isPaid(reference, new Uint8Array(PROOF_BYTES)));
});

void t.test('looking for a proof lets the loop turn, and ends when nobody wants it any more', async (t) => {
  const stop = new AbortController();
  let turns = 0;
  const turn = () => {
    turns += 1;
    if (turns === 3) stop.abort();
    else setImmediate(turn);
  };
  setImmediate(turn);
  // It may have been found by then, once in fifty runs.
  const proof = await findProof(noise(330, 'other'), { random, signal: stop.signal });
  t.ok(proof === undefined || isPaid(noise(330, 'other'), proof));
  t.ok(turns > 0);
});
