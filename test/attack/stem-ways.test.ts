/** The ways of real routers, against those on paper: as long, as often by spies, and drawn as evenly. */
import t from 'tap';
import { networks } from '../../routing/index.ts';
import { shortBlock } from '../sim/content.ts';
import { SeededRandom } from '../sim/random.ts';
import { turn, worldOfPopulation } from './attacked.ts';
import { GuardsKnown } from './guards-known.ts';
import { PaperStem } from './paper.ts';
import { Population } from './population.ts';
import { Spies, Ways } from './spies.ts';

void t.test('routers go the ways that paper says, when nodes come and go as well', async (t) => {
  const population = new Population({ seed: 21, nodes: 500, spyShare: 0.1, presence: 'mix' });
  const isSpy = (node: number): boolean => population.spies.has(node);
  const [spies, ways, guards] = [new Spies(isSpy), new Ways(networks.open.htl), new GuardsKnown()];
  const paper = new PaperStem(population, new SeededRandom(3));
  let there = population.draw();
  const world = worldOfPopulation(population, { there, observers: [spies, ways, guards] });
  const real = { ways: 0, hops: 0, caught: 0, bySpy: 0 };
  const drawn = { ways: 0, hops: 0, caught: 0 };
  for (let time = 0; time < 2; time += 1) {
    if (time > 0) {
      there = population.draw();
      turn(world, there);
      world.run(world.now + 400_000);
    }
    for (const owner of there.keys()) {
      if (there[owner] !== true || isSpy(owner)) continue;
      spies.take();
      ways.clear();
      const { key } = shortBlock(world.random.bytes(32));
      world.fetch(owner, key, 0, () => {});
      world.settle();
      const way = ways.of(key);
      const [first] = way?.stem ?? [];
      if (way === undefined || first === undefined) continue;
      t.ok(guards.of(owner).includes(first.to), 'to a guard');
      t.equal(first.from, owner);
      real.ways += 1;
      real.hops += way.stem.length;
      if (spies.take().some(({ phase }) => phase === 'stem')) real.caught += 1;
      if (isSpy(first.to)) real.bySpy += 1;
      const one = paper.way(owner, there);
      if (one === undefined) continue;
      drawn.ways += 1;
      drawn.hops += one.length - 1;
      if (one.slice(1).some(isSpy)) drawn.caught += 1;
    }
  }
  t.ok(real.ways > 450);
  const [length, paperLength] = [real.hops / real.ways, drawn.hops / drawn.ways];
  t.ok(Math.abs(length - paperLength) < 0.6, `${length} hops, on paper ${paperLength}`);
  const [caught, paperCaught] = [real.caught / real.ways, drawn.caught / drawn.ways];
  t.ok(Math.abs(caught - paperCaught) < 0.1, `${caught} by a spy, on paper ${paperCaught}`);
  t.ok(real.bySpy / real.ways < 0.18, `a spy for a guard: ${real.bySpy / real.ways}`);
});
