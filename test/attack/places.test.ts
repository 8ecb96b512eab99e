/** Who wants to be where: next to a key, in many places, among those that a newcomer meets; and who names nodes that a search is to shun. */
import t from 'tap';
import { type RoutingKey, distance, location } from '../../keys/index.ts';
import type { Request, RequestId, Uid } from '../../routing/index.ts';
import { placeSome } from '../sim/scenarios/traffic.ts';
import { Answers } from './answers.ts';
import { worldOfPopulation } from './attacked.ts';
import { runDropping } from './drop-run.ts';
import { runEclipse } from './eclipse-run.ts';
import { Population } from './population.ts';
import { runBusy, runQuiet } from './price-run.ts';
import { runNewcomers, runSybilFlood } from './sybil-run.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;

void t.test(
  'a key with one place is gone when Sybils sit at it; with three it is found while they sit at one',
  async (t) => {
    const options = {
      seed: 1,
      nodes: full ? 1_000 : 150,
      sybils: 24,
      keys: 2,
      readers: 10,
      behaviour: 'lies',
    } as const;
    const alone = runEclipse({ ...options, salts: 1, spread: 'even' });
    t.ok(alone.found < 0.5 * alone.fetches, `control: ${alone.found} of ${alone.fetches}`);
    const three = runEclipse({ ...options, salts: 3, spread: 'one' });
    t.ok(three.found >= 0.95 * three.fetches, `${three.found} of ${three.fetches}`);
  },
);

void t.test('identities that come and go all the time get no more places than their share', async (t) => {
  const { slotShare, identities } = runSybilFlood({
    seed: 1,
    nodes: full ? 150 : 50,
    share: 0.1,
    hours: full ? 24 : 2,
    turns: 10,
  });
  t.ok(identities >= 50);
  t.ok(slotShare <= 1.5, `${slotShare} of it`);
});

void t.test('one evil seed of three does not fill a newcomer with its own', async (t) => {
  const { evilShare, peers } = runNewcomers({ seed: 1, nodes: 100, evil: 24, newcomers: full ? 20 : 4 });
  t.ok(peers > 10);
  t.ok(evilShare <= 0.4, `${evilShare} of his peers`);
});

void t.test("black holes among guards and relays don't stop what is asked for", async (t) => {
  const { found, blocks } = runDropping({
    seed: 1,
    nodes: 300,
    dropShare: 0.1,
    stem: 'on',
    files: full ? 30 : 3,
  });
  t.ok(found >= 0.9 * blocks, `${found} of ${blocks}`);
});

void t.test('the stem has its price in hops and time, and a limit to it', async (t) => {
  const fetches = full ? 1_000 : 150;
  const [on, off] = (['on', 'off'] as const).map((stem) => runQuiet({ seed: 1, nodes: 300, fetches, stem }));
  t.ok((on?.stemHops ?? 0) > 2.5 && (on?.stemHops ?? 9) <= 4.8, `${on?.stemHops} hops more`);
  t.ok((on?.latencyMs ?? 0) < 3 * (off?.latencyMs ?? 0), `${on?.latencyMs} ms, without ${off?.latencyMs}`);
  const busy = { seed: 1, nodes: 60, who: 'all', warmMs: 5_000, measuredMs: 10_000 } as const;
  const [many, most] = (['on', 'off'] as const).map((stem) => runBusy({ ...busy, stem }));
  const sum = (each: readonly number[] = []): number => each.reduce((total, one) => total + one, 0);
  t.ok(sum(many) > 0.1 * sum(most) && sum(many) < sum(most), `${sum(many)} of ${sum(most)}`);
});

/** As the rule of routing.md, 3 has it: named nodes are asked last, not skipped. */
void t.test('hints that name the nodes next to a key do not keep it from being found', async (t) => {
  const population = new Population({ seed: 41, nodes: 200, spyShare: 0, presence: 'always' });
  const answers = new Answers();
  const world = worldOfPopulation(population, { observers: [answers] });
  const { locations } = population.topology;
  const found = { poisoned: 0, control: 0 };
  const tries = full ? 300 : 40;
  const ask = (key: RoutingKey, kind: keyof typeof found): void => {
    const spy = world.random.below(200);
    const peer = population.peers[spy]?.[0] ?? 0;
    const target = location(key, 0);
    const nearest = [...locations].sort((a, b) => distance(a, target) - distance(b, target)).slice(0, 8);
    const visited = kind === 'poisoned' ? nearest : [];
    const id = (2 ** 31 + world.random.below(2 ** 30)) as RequestId;
    const uid = Buffer.from(world.random.bytes(8)).toString('hex') as Uid;
    const best = Math.floor(distance(locations[spy] ?? target, target) * 2 ** 32);
    const route = { phase: 'greedy', uid, htl: 16, stall: 1, best, visited } as unknown as Request['route'];
    const heard = answers.sent(world, { spy, peer, id });
    world.say(spy, peer, {
      type: 'dataRequest',
      id,
      key,
      salt: 0,
      priority: 'realtime',
      deadlineMs: 100_000,
      route,
    });
    world.run(world.now + 20_000);
    if (heard.at(-1)?.type === 'dataFound') found[kind] += 1;
  };
  for (const key of placeSome(world, tries))
    for (const kind of ['control', 'poisoned'] as const) ask(key, kind);
  t.ok(found.control > 0.95 * tries, `control: ${found.control}`);
  t.ok(found.poisoned > 0.85 * tries, `${found.poisoned} of ${tries}`);
});
