/** Who counts: by hand, with the stem off, with it on, and whether what is taken for a whole file is what a whole file shows. */
import t from 'tap';
import type { RoutingKey } from '../../keys/index.ts';
import { networks } from '../../routing/index.ts';
import { placeSome } from '../sim/scenarios/traffic.ts';
import { worldOfPopulation } from './attacked.ts';
import { askersOf, fetchAll, runCounting } from './count-run.ts';
import { type Evidence, accuse } from './counting.ts';
import { Population } from './population.ts';
import { type Sighting, Spies } from './spies.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;

function sighting(from: number, key: RoutingKey, htl?: number): Sighting {
  return { at: 0, spy: 9, from, key, phase: htl === undefined ? 'stem' : 'greedy', htl };
}

void t.test(
  'by hand: a share of the blocks as large as an asker sends, or as small as one who passes on',
  async (t) => {
    const keys = Array.from({ length: 100 }, () => new Uint8Array(1) as RoutingKey);
    const around = { degreeOf: () => 10, spiesOf: () => 1 };
    const of = (count: number): Evidence => ({
      seen: keys.slice(0, count).map((key) => sighting(1, key, 20)),
      blocks: keys.length,
      around,
      htl: 20,
    });
    t.equal(accuse('counting', of(10)), 1, 'a tenth comes from who has ten peers');
    t.equal(accuse('counting', of(1)), undefined, 'a hundredth from who passes on for one of them');
    t.equal(accuse('maxCount', of(1)), 1);
    const far = keys.slice(0, 10).map((key) => sighting(1, key, 12));
    t.equal(accuse('counting', { ...of(0), seen: far }), undefined, 'it has come far');
    t.equal(accuse('firstSpy', { ...of(10), seen: [sighting(2, keys[0] as RoutingKey), ...of(10).seen] }), 2);
  },
);

void t.test('control: without the stem who downloads is named', async (t) => {
  const cells = runCounting({
    seed: 3,
    nodes: 500,
    spyShare: 0.1,
    presence: 'mix',
    stem: 'off',
    blocks: 500,
    trials: full ? 60 : 15,
  });
  const tally = cells.find(({ estimator, view }) => estimator === 'counting' && view === 'all')?.tally;
  t.ok((tally?.precision ?? 0) > 0.9, `precision ${tally?.precision}`);
  t.ok((tally?.recall ?? 0) > 0.5, `recall ${tally?.recall}`);
});

void t.test('with the stem nobody who counts is right more often than not', async (t) => {
  const cells = [1, 2].flatMap((seed) =>
    runCounting({
      seed,
      nodes: 500,
      spyShare: 0.1,
      presence: 'mix',
      stem: 'on',
      blocks: 1,
      shortBlocks: [100],
      ...(full ? {} : { trials: 200 }),
    }),
  );
  for (const { estimator, view, blocks, tally } of cells)
    if (tally.accusations > 30) {
      t.ok(tally.precision < 0.5, `${estimator}, ${view}, ${blocks}: ${tally.precision}`);
      t.ok(tally.recall < 0.2, `${estimator}, ${view}, ${blocks}: ${tally.recall}`);
    }
});

void t.test(
  'all blocks of a file go by the same spies as the first one, and come to them from the same nodes',
  async (t) => {
    const population = new Population({ seed: 4, nodes: 200, spyShare: 0.2, presence: 'mix' });
    const spies = new Spies((node) => population.spies.has(node));
    const there = population.draw();
    const world = worldOfPopulation(population, { there, observers: [spies] });
    const keys = placeSome(world, 20);
    world.freeze();
    let caught = 0;
    for (const asker of askersOf(population, { there, world, trials: full ? undefined : 25 })) {
      spies.take();
      fetchAll(world, { asker, keys });
      const seen = spies.take().filter(({ phase }) => phase === 'stem');
      const links = (key: RoutingKey): string =>
        seen
          .filter((one) => one.key === key)
          .map(({ from, spy }) => `${from} ${spy}`)
          .join();
      const first = links(keys[0] as RoutingKey);
      if (first !== '') caught += 1;
      for (const key of keys) t.equal(links(key), first, `owner ${asker}`);
    }
    t.ok(caught > 5);
    t.equal(world.options.params, networks.open);
  },
);
