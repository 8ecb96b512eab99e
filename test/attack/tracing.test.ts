/**
 * Following a request by what it is called: ids that are known at one hop, and uids that are asked for at every node (Tian, Duan, Baumeister and Dong, "A Traceback
 * Attack on Freenet", 2013, found the originators of a quarter of all requests so).
 */
import t from 'tap';
import { networks, type Message, type Uid } from '../../routing/index.ts';
import type { Observer } from '../sim/host.ts';
import type { End } from '../sim/node.ts';
import { shortBlock } from '../sim/content.ts';
import { placeSome } from '../sim/scenarios/traffic.ts';
import type { World } from '../sim/world.ts';
import { Answers } from './answers.ts';
import { worldOfPopulation } from './attacked.ts';
import { Population } from './population.ts';
import { isRequest, Ways } from './spies.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;
const FETCHES = full ? 200 : 25;

/** All requests on all links. */
class Everything implements Observer {
  readonly stem: { from: number; to: number; id: number; key: unknown; fields: string }[] = [];
  readonly uids = new Map<unknown, Uid>();
  readonly searchers = new Map<unknown, Set<number>>();

  passed(_now: number, end: End, what: { dir: 'in' | 'out'; message: Message }): void {
    const { message } = what;
    if (what.dir === 'in' || !isRequest(message)) return;
    const { key, id, route } = message;
    if (route.phase === 'greedy') {
      this.uids.set(key, this.uids.get(key) ?? route.uid);
      const searchers = this.searchers.get(key) ?? new Set();
      this.searchers.set(key, searchers.add(end.node.number).add(end.other?.node.number ?? -1));
    } else
      this.stem.push({
        from: end.node.number,
        to: end.other?.node.number ?? -1,
        id,
        key,
        fields: JSON.stringify([Object.keys(route), message.deadlineMs, message.priority]),
      });
  }
}

interface Scene {
  readonly population: Population;
  readonly world: World;
  readonly answers: Answers;
  readonly ways: Ways;
  readonly everything: Everything;
}

function scene(defence: 'on' | 'off'): Scene {
  const population = new Population({ seed: 31, nodes: 150, spyShare: 0, presence: 'always' });
  const [answers, ways, everything] = [new Answers(), new Ways(networks.open.htl), new Everything()];
  const world = worldOfPopulation(population, {
    observers: [answers, ways, everything],
    ...(defence === 'off' ? { defence } : {}),
  });
  return { population, world, answers, ways, everything };
}

const SOON_MS = 5_000;

/** Whether a node refuses a uid as one that it has seen: it does not even say that its HTL is spent. */
function hasSeen({ population, world, answers }: Scene, node: number, uid: Uid): boolean {
  const spy = population.peers[node]?.[0] ?? 0;
  const { key } = shortBlock(world.random.bytes(32));
  // With more than one the question itself would be seen by others.
  const heard = answers.greedy(world, { spy, peer: node, key, htl: 1, uid });
  world.run(world.now + SOON_MS);
  return heard.at(-1)?.type === 'routeNotFound';
}

void t.test(
  'the uid of a search leads back to its diffuser and no farther; without the stem it leads to the owner',
  async (t) => {
    for (const defence of ['on', 'off'] as const) {
      const it = scene(defence);
      let ownersFound = 0;
      let diffusersFound = 0;
      for (let fetch = 0; fetch < FETCHES; fetch += 1) {
        const owner = it.world.random.below(150);
        const [key] = placeSome(it.world, 1);
        if (key === undefined) continue;
        it.ways.clear();
        it.world.fetch(owner, key, 0, () => {});
        it.world.settle();
        const way = it.ways.of(key);
        const uid = it.everything.uids.get(key);
        if (uid === undefined || way?.diffuser === undefined) continue;
        if (hasSeen(it, way.diffuser, uid)) diffusersFound += 1;
        const behind = defence === 'on' ? [owner, ...way.stem.slice(0, -1).map(({ to }) => to)] : [owner];
        // The search may have come back to them by closeness: that has nothing to do with the stem.
        const searchers = it.everything.searchers.get(key);
        // Each once: the question itself is seen.
        for (const node of new Set(behind))
          if (node !== way.diffuser && searchers?.has(node) !== true && hasSeen(it, node, uid))
            ownersFound += 1;
        if (defence === 'off' && owner === way.diffuser && hasSeen(it, owner, uid)) ownersFound += 1;
      }
      t.ok(
        diffusersFound > 0.6 * FETCHES,
        `${defence}: the search is found where it begins: ${diffusersFound}`,
      );
      if (defence === 'on') t.equal(ownersFound, 0, 'nobody before the diffuser has seen it');
      else t.ok(ownersFound > 0.6 * FETCHES, `control: the owner: ${ownersFound}`);
    }
  },
);

void t.test(
  'the id of a request on a hop of the stem is a count of that link alone, and nothing else in it tells how far it has come',
  async (t) => {
    const it = scene('on');
    const { world, everything } = it;
    const ours = new Set<unknown>();
    for (let fetch = 0; fetch < 8 * FETCHES; fetch += 1) {
      const [key] = placeSome(world, 1);
      ours.add(key);
      if (key !== undefined) world.fetch(world.random.below(150), key, 0, () => {});
      world.settle();
    }
    const byLink = new Map<string, number[]>();
    for (const { from, to, id } of everything.stem)
      byLink.set(`${from} ${to}`, [...(byLink.get(`${from} ${to}`) ?? []), id]);
    t.ok(byLink.size > 100);
    // Each link counts its own requests, whoever brought them: there is nothing else in an id.
    for (const ids of byLink.values())
      t.ok(
        ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? 0)),
        'ids of a link go up by themselves',
      );
    const asked = everything.stem.filter(({ key }) => ours.has(key));
    t.equal(new Set(asked.map(({ fields }) => fields)).size, 1, 'all but id and key is the same everywhere');
  },
);
