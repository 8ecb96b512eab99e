/** Every reader of foreign bytes keeps its promises, whatever the bytes are. A finding prints the command that repeats it. */
import t from 'tap';
import { corpusFolders, readCorpus } from './corpus.ts';
import { replay } from './engine.ts';
import { targets } from './targets.ts';
import { watch } from './watch.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;
const SEED = 1;
const COUNT = 100_000;
/** In the long run each count is so many times itself. */
const FULL_FACTOR = 10;

// Far longer than the runs: a child that stands still is ended by its own watch.
t.setTimeout(1_800_000);

for (const target of targets) {
  void t.test(`${target.name}: ${target.promise}`, { timeout: 1_800_000 }, async (t) => {
    const count = (target.count ?? COUNT) * (full ? FULL_FACTOR : 1);
    const { finding, ...report } = await watch({ target: target.name, seed: SEED, count });
    t.equal(finding, undefined, `node test/fuzz/main.ts --target ${target.name} --input ${finding?.hex}`);
    t.equal(report.executions, count, 'all of them ran');
    t.ok((report.accepted ?? 0) > count / 100, 'some inputs are valid, or the fuzzing would end at the door');
  });
}

void t.test(
  'every folder of the corpus belongs to a target, and every input in it can be read',
  async (t) => {
    const names = new Set(targets.map(({ name }) => name));
    for (const folder of corpusFolders()) {
      t.ok(names.has(folder), `${folder} is a target`);
      t.ok(readCorpus(folder).length > 0, `${folder} has inputs`);
    }
  },
);

void t.test('an input that is run twice is answered in the same way', async (t) => {
  for (const target of targets)
    for (const input of readCorpus(target.name))
      t.same(await replay(target, input), await replay(target, input), target.name);
});
