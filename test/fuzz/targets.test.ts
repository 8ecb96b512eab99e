/** The corpus belongs to the targets, and a target's answer to the input alone. */
import t from 'tap';
import { corpusFolders, readCorpus } from './corpus.ts';
import { replay } from './engine.ts';
import { targets } from './targets.ts';

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
