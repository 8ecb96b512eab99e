/**
 * The stem in a network in which things go wrong (docs/spec/stem.md, 1): nothing that an owner asks for leaves by closeness, guards are
 * drawn seldom, and whoever waits is served in the end. `Checks` looks at every message (simulator.md, 4, rule `stem`).
 */
import t from 'tap';
import { networks } from '../../routing/index.ts';
import { stemLimits } from '../../routing/stem/limits.ts';
import { Checks } from './checks.ts';
import { SeededRandom } from './random.ts';
import { smallWorld } from './topology.ts';
import { World, shortBlock } from './world.ts';

const isFull = process.env['MIMEO_TEST_FULL'] === '1';
/** Owners' requests in all. */
const REQUESTS = isFull ? 100_000 : 3_000;
const NODES = 60;
const EVERY_MS = 100;
/** A hop that stays silent for a moment is waited for; what goes round waits for room at each node. */
const SOON_MS = 6_500;
const MINUTE = 60_000;
const DAY = 86_400_000;

function worldOf(seed: number, its: Partial<ConstructorParameters<typeof World>[0]> = {}): World {
  const world = new World({
    topology: smallWorld({ nodes: NODES, degree: 12, random: new SeededRandom(seed) }),
    params: { ...networks.open, usableAfterMs: 0 },
    seed,
    latency: { type: 'plane' },
    storeBlocks: 4_096,
    cacheBlocks: 4_096,
    tie: 'chosen',
    stem: 'on',
    check: 'checked',
    ...its,
  });
  world.run(2 * MINUTE);
  return world;
}

void t.test(
  `of ${REQUESTS} requests of owners none leaves by closeness, while nodes fail, fall silent, lose their guards and start again`,
  async (t) => {
    const world = worldOf(1, {
      role: (node) => (node % 10 === 3 ? 'silent' : node % 10 === 7 ? 'dropping' : 'honest'),
    });
    const { random } = world;
    const keys = Array.from({ length: 50 }, () => shortBlock(random.bytes(32)));
    let asked = 0;
    let answered = 0;
    const done = (): void => {
      answered += 1;
    };
    const anyone = (): number => {
      for (;;) {
        const node = random.below(NODES);
        if (world.isAlive(node) && world.roleOf(node) === 'honest') return node;
      }
    };
    while (asked < REQUESTS) {
      for (let i = 0; i < 50 && asked < REQUESTS; i += 1) {
        world.run(world.now + EVERY_MS);
        const content = keys[random.below(keys.length)];
        if (content === undefined) continue;
        asked += 1;
        if (random.below(5) === 0) world.insert(anyone(), { ...content, salt: 0 }, done);
        else world.fetch(anyone(), content.key, 0, done);
      }
      // A node goes, at once or in silence, and one comes back.
      const node = anyone();
      world.kill(node, random.below(2) === 0 ? 'silent' : 'knownAtOnce');
      const gone = Array.from({ length: NODES }, (_, one) => one).filter((one) => !world.isAlive(one));
      const back = gone[random.below(gone.length)];
      if (gone.length > NODES / 4 && back !== undefined) world.revive(back, { store: 'kept' });
    }
    for (let node = 0; node < NODES; node += 1)
      if (!world.isAlive(node)) world.revive(node, { store: 'kept' });
    world.run(world.now + 10 * MINUTE);
    world.checks?.finish(world.now, (node) => world.isAlive(node));
    t.strictSame(world.checks?.breaches, []);
    t.equal(world.unanswered, 0, 'who waited for a guard is served when it is back');
    t.ok(answered > asked / 2, `${answered} of ${asked}; the others died with their nodes`);
  },
);

void t.test('the check sees what leaves by closeness where the stem is off', async (t) => {
  const checks = new Checks(networks.open, { stem: 'on' });
  const world = new World({
    topology: smallWorld({ nodes: 30, degree: 8, random: new SeededRandom(1) }),
    params: networks.open,
    seed: 1,
    latency: { type: 'plane' },
    storeBlocks: 64,
    cacheBlocks: 64,
    tie: 'chosen',
    observers: [checks],
  });
  world.run(MINUTE);
  world.fetch(0, shortBlock(world.random.bytes(32)).key, 0, () => {});
  world.settle();
  t.match(checks.breaches[0], { rule: 'stem', node: 0 });
});

void t.test(
  'in networks of eight, many of whose ways would be loops, nobody waits from the first seconds on',
  async (t) => {
    const slow: string[] = [];
    for (let seed = 1; seed <= 20; seed += 1) {
      const nodes = 8;
      const world = new World({
        topology: smallWorld({ nodes, degree: 14, random: new SeededRandom(seed) }),
        params: networks.testnet,
        seed,
        latency: { type: 'plane' },
        storeBlocks: 4_096,
        cacheBlocks: 4_096,
        tie: 'chosen',
        stem: 'on',
        check: 'checked',
      });
      // Guards are drawn, and no way has been looked at.
      world.run(3_000);
      for (let round = 0; round < 300; round += 1) {
        world.run(world.now + EVERY_MS);
        const began = world.now;
        world.insert(round % nodes, { ...shortBlock(world.random.bytes(32)), salt: 0 }, ({ type }) => {
          const tookMs = Math.round(world.now - began);
          if (type !== 'stored' || tookMs > SOON_MS) slow.push(`seed ${seed}: ${type} after ${tookMs} ms`);
        });
      }
      world.run(world.now + 10 * MINUTE);
      t.equal(world.unanswered, 0);
      t.strictSame(world.checks?.breaches, []);
    }
    t.strictSame(slow, []);
  },
);

void t.test('in sixty days of an uptime mix no node draws more guards than it may', async (t) => {
  const world = worldOf(2, { check: 'unchecked' });
  const { random } = world;
  /** A day of 24 hours: always there, a half of the time, a sixth. */
  const isThere = (node: number): boolean => {
    const kind = node % 100;
    return kind < 37 || random.fraction() < (kind < 70 ? 0.5 : 1 / 6);
  };
  const days = isFull ? 60 : 12;
  for (let step = 0; step < days * 4; step += 1) {
    world.run(world.now + DAY / 4);
    for (let node = 0; node < NODES; node += 1) {
      const there = isThere(node);
      if (there && !world.isAlive(node)) world.revive(node, { store: 'kept' });
      else if (!there && world.isAlive(node)) world.kill(node);
    }
  }
  let most = 0;
  for (let node = 0; node < NODES; node += 1)
    most = Math.max(most, world.stemStateOf(node)?.draws.length ?? 0);
  t.ok(most >= 3 && most <= stemLimits.guardDraws.value, `${most} draws`);
});
