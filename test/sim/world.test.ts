/** The world itself: what links do to messages, who notices when somebody is gone, who can dial whom. */
import t from 'tap';
import { asLocation } from '../../keys/index.ts';
import { type Message, type RouterEvent, networks } from '../../routing/index.ts';
import { crowded, placeOf, scattered } from './addresses.ts';
import { Churn } from './churn.ts';
import type { Observer } from './host.ts';
import { latencyBetween } from './latency.ts';
import type { End, SimNode } from './node.ts';
import { SeededRandom } from './random.ts';
import { type Role, maskOf } from './roles.ts';
import { frameBytes } from './sizes.ts';
import { spies } from './trace.ts';
import { World, type WorldOptions, shortBlock } from './world.ts';

/** Two nodes on opposite sides, linked. */
function pair(options: Partial<WorldOptions> = {}): World {
  return new World({
    topology: { locations: [asLocation(0.1), asLocation(0.6)], links: [[0, 1]] },
    params: networks.open,
    seed: 1,
    latency: { type: 'pairs', minMs: 10, maxMs: 10 },
    storeBlocks: 100,
    cacheBlocks: 100,
    ...options,
  });
}

/** Notes what arrives and what routers are told. */
class Notes implements Observer {
  readonly arrived: { at: number; type: Message['type'] }[] = [];
  readonly sent: { at: number; type: Message['type'] }[] = [];
  readonly events: { at: number; node: number; type: RouterEvent['type'] }[] = [];

  heard(now: number, node: SimNode, event: RouterEvent): void {
    this.events.push({ at: now, node: node.number, type: event.type });
  }

  passed(now: number, _end: End, what: { dir: 'in' | 'out'; message: Message }): void {
    const { dir, message } = what;
    (dir === 'in' ? this.arrived : this.sent).push({ at: now, type: message.type });
  }

  first(type: Message['type']): number | undefined {
    return this.arrived.find((one) => one.type === type)?.at;
  }

  downs(): number[] {
    return this.events.flatMap(({ at, type }) => (type === 'linkDown' ? [at] : []));
  }
}

const content = (world: World): ReturnType<typeof shortBlock> => shortBlock(world.random.bytes(32));

void t.test('without bandwidth and loss a message takes the latency and nothing else', async (t) => {
  const notes = new Notes();
  const world = pair({ observers: [notes] });
  world.fetch(0, content(world).key, 0, () => {});
  world.settle();
  const sent = notes.sent.find(({ type }) => type === 'dataRequest')?.at ?? -1;
  t.ok(Math.abs((notes.first('dataRequest') ?? 0) - sent - 10) < 1e-9);
});

void t.test('a block leaves as fast as the sender can send and the receiver take in', async (t) => {
  const notes = new Notes();
  const rates = [
    { up: 10, down: 1_000 },
    { up: 1_000, down: 20 },
  ];
  const world = pair({ observers: [notes], bandwidth: (node) => rates[node] ?? { up: 1, down: 1 } });
  world.insert(0, { ...content(world), salt: 0 }, () => {});
  world.settle();
  const sent = notes.sent.find(({ type }) => type === 'insertBlock')?.at ?? -1;
  const took = (notes.first('insertBlock') ?? 0) - sent;
  t.ok(Math.abs(took - (33_536 / 10 + 10 + 33_536 / 20)) < 1e-6, `${took} ms`);
});

void t.test('control goes before bulk that is not yet sealed, and delays it', async (t) => {
  const notes = new Notes();
  const world = pair({ observers: [notes], bandwidth: () => ({ up: 20, down: 1e6 }) });
  // As many as leave room for one more in the first window of a peer.
  for (let i = 0; i < 3; i += 1) world.insert(0, { ...content(world), salt: 0 }, () => {});
  // The first block is on the wire, two wait; then comes a fetch.
  world.run(1_000);
  const asked = world.now;
  world.fetch(0, content(world).key, 0, () => {});
  world.settle();
  const blocks = notes.arrived.filter(({ type }) => type === 'insertBlock').map(({ at }) => at);
  const request = notes.first('dataRequest') ?? Infinity;
  t.equal(blocks.length, 3);
  t.ok(request > asked && request < (blocks[1] ?? 0), 'it overtakes all but the sealed one');
});

void t.test('what is lost is sent again: late, in order, and nothing is missing', async (t) => {
  const notes = new Notes();
  const world = pair({ observers: [notes], loss: 0.05 });
  let stored = 0;
  const blocks = 100;
  for (let i = 0; i < blocks; i += 1) {
    world.insert(0, { ...content(world), salt: 0 }, ({ type }) => (stored += type === 'stored' ? 1 : 0));
    world.settle();
  }
  t.equal(stored, blocks);
  const ordered = (type: Message['type']): boolean => {
    const [sent, arrived] = [notes.sent, notes.arrived].map((all) => all.filter((one) => one.type === type));
    return sent?.length === arrived?.length;
  };
  t.ok(ordered('insertRequest') && ordered('insertBlock') && ordered('insertStored'));
  // One of 24 packets is lost mostly, and resent after 200 ms at the earliest.
  t.ok(world.now > 0.5 * blocks * 200, `${world.now} ms`);
});

void t.test('a stream that loses too much breaks', async (t) => {
  const notes = new Notes();
  const world = pair({ observers: [notes], loss: 0.95 });
  world.fetch(0, content(world).key, 0, () => {});
  world.settle();
  t.equal(notes.downs().length, 2);
  t.strictSame([world.neighboursOf(0), world.neighboursOf(1)], [[], []]);
});

void t.test(
  'a death that is known at once ends the links now, a silent one after the keep-alive time',
  async (t) => {
    for (const [death, at] of [
      ['knownAtOnce', 0],
      ['silent', 7_000],
    ] as const) {
      const notes = new Notes();
      const world = pair({ observers: [notes], keepAliveMs: 7_000 });
      world.kill(1, death);
      world.run(60_000);
      t.strictSame(notes.downs(), [at]);
    }
  },
);

void t.test('who died silently is asked in vain, and its node is told so by time-outs alone', async (t) => {
  const notes = new Notes();
  const world = pair({ observers: [notes] });
  world.kill(1, 'silent');
  let result = '';
  world.fetch(0, content(world).key, 0, ({ type }) => (result = type));
  world.settle();
  t.equal(result, 'noRoute');
  t.ok(world.now >= networks.open.acceptFloorMs && world.now < 60_000);
  t.equal(notes.first('dataRequest'), undefined);
});

/** Two nodes that know each other as seeds and begin at one moment. */
function strangers(options: Partial<WorldOptions>): World {
  const topology = { locations: [asLocation(0.1), asLocation(0.6)], links: [] };
  const world = pair({ topology, opennet: 'on', present: () => false, ...options });
  world.revive(0, { store: 'lost', seeds: [1] });
  world.revive(1, { store: 'lost', seeds: [0] });
  return world;
}

void t.test('the parts of a network hear nothing of each other, and links that span them end', async (t) => {
  const notes = new Notes();
  const world = strangers({ observers: [notes], keepAliveMs: 5_000 });
  world.run(1_000);
  world.part((node) => node);
  const sentBefore = notes.arrived.length;
  world.run(20_000);
  t.strictSame(notes.downs(), [6_000, 6_000]);
  t.equal(notes.arrived.length, sentBefore);
  world.part(undefined);
  world.run(1_000_000);
  t.strictSame(world.neighboursOf(0), [1], 'once it is healed they find each other again');
});

void t.test('two dials that cross make one link, and both dialled are told', async (t) => {
  const notes = new Notes();
  const world = strangers({ observers: [notes] });
  world.run(100);
  t.strictSame([world.neighboursOf(0), world.neighboursOf(1)], [[1], [0]]);
  t.strictSame(
    notes.events.flatMap(({ type, at, node }) => (type === 'dialled' ? [{ at, node }] : [])),
    [
      { at: 40, node: 0 },
      { at: 40, node: 1 },
    ],
  );
});

void t.test(
  'who can only dial out is linked with those that can be dialled, and never with its like',
  async (t) => {
    const nodes = 12;
    const random = new SeededRandom(4);
    const locations = Array.from({ length: nodes }, () => asLocation(random.fraction()));
    const dialable = (node: number): boolean => node % 2 === 0;
    const world = pair({ topology: { locations, links: [] }, opennet: 'on', present: () => false, dialable });
    for (let node = 0; node < nodes; node += 1) {
      world.revive(node, { store: 'lost', seeds: node === 0 ? [] : [0] });
      world.run(world.now + 1_000);
    }
    world.run(world.now + 300_000);
    for (let node = 0; node < nodes; node += 1) {
      const peers = world.neighboursOf(node);
      t.ok(peers.length >= 4, `${peers.length} peers`);
      if (!dialable(node)) t.ok(peers.every(dialable));
    }
  },
);

void t.test(
  'in the long run so many are there as sessions and absences say, and disks are kept',
  async (t) => {
    const nodes = 400;
    const locations = Array.from({ length: nodes }, (_, node) => asLocation(node / nodes));
    const links = locations.map((_, node) => [node, (node + 1) % nodes] as const);
    const world = pair({ topology: { locations, links } });
    const content = shortBlock(world.random.bytes(32));
    world.insert(200, { ...content, salt: 0 }, () => {});
    world.rest();
    const held = locations.flatMap((_, node) => (world.blockAt(node, content.key) ? [node] : []));
    const churn = new Churn(world, { sessionMs: 60_000, absenceMs: 180_000, store: 'kept', death: 'silent' });
    churn.pass(600_000);
    const living = locations.filter((_, node) => world.isAlive(node)).length;
    t.ok(living > 70 && living < 130, `${living} of 400, expected 100`);
    for (const node of held) t.ok(world.blockAt(node, content.key));
  },
);

void t.test(
  'a plane has distances from 5 to 203 ms, the same both ways, near ones being near for both',
  async (t) => {
    const model = { type: 'plane' } as const;
    for (let a = 0; a < 40; a += 1)
      for (let b = 0; b < a; b += 1) {
        const there = latencyBetween({ model, seed: 1, a, b });
        if (there < 5 || there > 203.1) t.fail(`${there} ms`);
        if (there !== latencyBetween({ model, seed: 1, a: b, b: a })) t.fail('another way back');
      }
    t.pass();
  },
);

void t.test('groups and sites come from addresses; a crowd shares one /16', async (t) => {
  const apart = scattered(1);
  t.match(apart(5), /^\d+\.\d+\.\d+\.\d+$/u);
  const [a = '', b = '', c = ''] = apart(5).split('.');
  t.strictSame(placeOf(5, apart), { group: `${a}.${b}`, site: `${a}.${b}.${c}` });
  t.not(placeOf(5, undefined).group, placeOf(6, undefined).group);
  const crowd = crowded({ seed: 1, isCrowded: (node) => node < 50 });
  const groups = Array.from({ length: 100 }, (_, node) => placeOf(node, crowd).group);
  t.equal(new Set(groups.slice(0, 50)).size, 1);
  t.ok(new Set(groups.slice(50)).size > 45);
  t.ok(new Set(Array.from({ length: 50 }, (_, node) => placeOf(node, crowd).site)).size > 35);
});

void t.test('each role does to a request what it is called for', async (t) => {
  const random = new SeededRandom(1);
  const key = shortBlock(random.bytes(8)).key;
  const route = { phase: 'stem' } as const;
  const fetch = { type: 'dataRequest', id: 5, key, salt: 0, priority: 'bulk', deadlineMs: 1, route } as never;
  const insert = {
    type: 'insertRequest',
    id: 6,
    key,
    salt: 0,
    priority: 'bulk',
    deadlineMs: 1,
    route,
  } as never;
  const block = { type: 'insertBlock', id: 6, block: new Uint8Array(3) } as never;
  const says = (role: Role, message: Message): string[] | 'passed on' => {
    const said: string[] = [];
    const mask = maskOf(role, { random, servedShare: 0 });
    const takes = mask?.takes(message, (answer) => said.push(answer.type)) ?? false;
    return takes ? said : 'passed on';
  };
  const expected: readonly (readonly [Role, unknown, unknown, unknown])[] = [
    ['honest', 'passed on', 'passed on', 'passed on'],
    ['silent', [], [], []],
    ['swallowing', ['accepted'], ['accepted'], []],
    ['refusing', ['rejectedOverload'], ['rejectedOverload'], []],
    ['dropping', [], [], 'passed on'],
    ['lying', ['accepted', 'dataNotFound'], ['accepted', 'insertStored'], []],
    ['lyingPeers', ['accepted', 'dataNotFound'], ['accepted', 'dataNotFound'], []],
    ['lyingVisits', ['accepted', 'dataNotFound'], ['accepted', 'dataNotFound'], []],
    ['lyingInserts', ['accepted', 'dataNotFound'], ['accepted'], ['insertStored']],
    ['corrupting', ['accepted', 'dataFound'], 'passed on', 'passed on'],
    ['flooding', 'passed on', 'passed on', 'passed on'],
  ];
  for (const [role, onFetch, onInsert, onBlock] of expected) {
    t.strictSame(
      [says(role, fetch), says(role, insert), says(role, block)],
      [onFetch, onInsert, onBlock],
      role,
    );
    t.equal(
      says(role, { type: 'wanted' } as Message),
      'passed on',
      'what peers say of peers reaches the router',
    );
  }
});

void t.test('a dropper serves its share', async (t) => {
  const mask = maskOf('dropping', { random: new SeededRandom(1), servedShare: 0.3 });
  const message = { type: 'dataRequest', id: 1 } as Message;
  let dropped = 0;
  for (let i = 0; i < 1_000; i += 1) if (mask?.takes(message, () => {}) === true) dropped += 1;
  t.ok(dropped > 650 && dropped < 750, `${dropped} of 1,000`);
});

void t.test('a liar about its peers lists places next to what it was asked', async (t) => {
  const mask = maskOf('lyingPeers', { random: new SeededRandom(1) });
  const { key } = shortBlock(new Uint8Array(3));
  const before = mask?.alters({ type: 'peers', list: [] });
  mask?.takes({ type: 'dataRequest', id: 1, key, salt: 0 } as Message, () => {});
  const after = mask?.alters({ type: 'peers', list: [] });
  if (before?.type !== 'peers' || after?.type !== 'peers') throw new Error('it lists');
  t.equal(after.list.length, before.list.length + 1);
  t.ok(
    after.list.every((place, index) => index === 0 || place > (after.list[index - 1] ?? 1)),
    'ascending',
  );
});

void t.test('a flooder asks without end, and those who are asked go on serving', async (t) => {
  const nodes = 30;
  const locations = Array.from({ length: nodes }, (_, node) => asLocation(node / nodes));
  const links = locations.flatMap((_, node) =>
    [1, 2, 5].map((step) => [node, (node + step) % nodes] as const),
  );
  const world = pair({
    topology: { locations, links },
    role: (node) => (node === 0 ? 'flooding' : 'honest'),
    mask: { floodEveryMs: 100 },
    check: 'checked',
  });
  world.run(5_000);
  t.ok(world.messages.of('dataRequest') > 250);
  const one = content(world);
  let found = false;
  world.insert(7, { ...one, salt: 0 }, () => {});
  world.settle();
  world.fetch(20, one.key, 0, ({ type }) => (found = type === 'found'));
  world.settle();
  t.ok(found);
  t.strictSame(world.checks?.breaches, []);
});

void t.test('spies are named or drawn, and nothing else', async (t) => {
  const world = { nodes: 100, seed: 1 };
  t.strictSame(spies('n1,22,n3', world), new Set([1, 22, 3]));
  t.equal(spies('f=0.1', world)?.size, 10);
  t.strictSame(spies('f=0.1', world), spies('f=.1', world));
  for (const text of ['', 'x', 'f=2', 'f=', 'n100', '1,,2']) t.equal(spies(text, world), undefined);
});

void t.test('a message takes the frame that it would be sent in', async (t) => {
  const route = { phase: 'greedy', visited: [] } as unknown as Extract<
    Message,
    { type: 'dataRequest' }
  >['route'];
  t.equal(frameBytes({ type: 'dataRequest', route } as unknown as Message), 256);
  t.equal(frameBytes({ type: 'dataFound' } as Message), 33_536);
  t.equal(frameBytes({ type: 'peers', list: Array.from({ length: 64 }, () => asLocation(0)) }), 1_024);
});
