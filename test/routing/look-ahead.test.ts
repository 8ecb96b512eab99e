/** Looking one step ahead by the lists of peers: whom it chooses, what does not count, how far a list can reach (routing.md, 3). */
import * as fc from 'fast-check';
import t from 'tap';
import { type Location, asLocation, distance } from '../../keys/index.ts';
import { type LinkId, networks, routingLimits } from '../../routing/index.ts';
import { toWire } from '../../routing/budget.ts';
import { type Excluded, nearestListed } from '../../routing/look-ahead.ts';
import { type Choice, PeerTable } from '../../routing/peers.ts';
import { SeededRandom } from '../sim/random.ts';
import { page } from './content.ts';
import { Rig } from './rig.ts';

const place = asLocation;
const target = place(0.5);
const own = place(0);
const ascending = (...ats: number[]): Location[] => ats.sort((a, b) => a - b).map(place);

/** A table of friends at `ats`, each with its list. */
function table(here: readonly { readonly at: number; readonly list?: readonly Location[] }[]): PeerTable {
  const peers = new PeerTable(networks.open, new SeededRandom(3), own);
  here.forEach(({ at, list = [] }, index) => {
    const link = (index + 1) as LinkId;
    const named = { identity: `${index}`, group: `${index}`, site: `${index}` };
    peers.up(link, { ...named, location: place(at), tie: 'friend', cost: 1, carrier: 'memory' }, -Infinity);
    peers.setList(link, list);
  });
  return peers;
}

function next(peers: PeerTable, choice: Partial<Choice> & { to?: Location } = {}): number | undefined {
  const { to = target, ...rest } = choice;
  return peers.next(to, { now: 0, tried: new Set(), asker: undefined, visited: [], ...rest });
}

void t.test('the nearest of a list is found round the circle, without those that are excluded', async () => {
  const places = fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { maxLength: 20 });
  fc.assert(
    fc.property(
      places,
      places,
      fc.integer({ min: 0, max: 99 }),
      fc.option(fc.nat(50)),
      (listed, out, to, off) => {
        const list = ascending(...listed.map((n) => n / 100));
        const away = off === null ? undefined : toWire(off / 100);
        const excluded: Excluded = {
          locations: [...out.map((n) => place(n / 100)), place(to / 100)],
          count: out.length,
          away,
        };
        const counted = list.filter(
          (at) => !out.includes(Math.round(at * 100)) && toWire(distance(at, place(to / 100))) !== away,
        );
        const least = Math.min(Infinity, ...counted.map((at) => distance(at, place(to / 100))));
        return nearestListed(list, place(to / 100), excluded) === least;
      },
    ),
    { numRuns: 1_000 },
  );
});

void t.test('a peer that lists a node at the key is asked before one that is closer itself', async (t) => {
  const peers = table([{ at: 0.4 }, { at: 0.2, list: ascending(0.1, 0.51, 0.9) }]);
  t.equal(next(peers), 2);
});

void t.test('of two that reach equally close the one that is closer itself is asked', async (t) => {
  t.equal(
    next(
      table([
        { at: 0.2, list: ascending(0.51) },
        { at: 0.4, list: ascending(0.51) },
      ]),
    ),
    2,
  );
  t.equal(
    next(table([{ at: 0.2, list: ascending(0.51) }, { at: 0.51 }])),
    2,
    'the listed node itself is a peer',
  );
});

void t.test(
  'what a peer lists does not count if it is this node, the asker, tried, visited or left alone',
  async (t) => {
    const lister = { at: 0.1, list: ascending(0.49) };
    const alone = [{ at: 0.2 }, lister];
    t.equal(next(table(alone)), 2);
    t.equal(next(table(alone), { visited: [place(0.49)] }), 1);
    t.equal(
      next(table(alone), { best: toWire(distance(place(0.49), target)) }),
      1,
      'the closest one visited',
    );
    const withPeer = [...alone, { at: 0.49 }];
    const it = 3 as LinkId;
    t.equal(next(table(withPeer), { tried: new Set([it]) }), 1);
    t.equal(next(table(withPeer), { asker: it }), 1);
    const left = table(withPeer);
    left.silent(it, 0);
    t.equal(next(left), 1);
    t.equal(next(table([{ at: 0.2 }, { at: 0.1, list: [own] }]), { to: own }), 2, 'nearer itself');
    t.equal(next(table([{ at: 0.1 }, { at: 0.2, list: [own] }]), { to: own }), 1, 'not by naming this node');
  },
);

void t.test('visited nodes and those that have failed for the key come last, but they come', async (t) => {
  const peers = (): PeerTable => table([{ at: 0.49 }, { at: 0.3 }, { at: 0.2 }]);
  t.equal(next(peers(), { visited: [place(0.49)] }), 2);
  t.equal(next(peers(), { best: toWire(distance(place(0.49), target)) }), 2);
  t.equal(next(peers(), { avoided: new Set([1 as LinkId]) }), 2);
  const tried = new Set([2 as LinkId, 3 as LinkId]);
  t.equal(next(peers(), { visited: [place(0.49)], tried }), 1);
  t.equal(next(peers(), { avoided: new Set([1 as LinkId]), tried }), 1);
});

void t.test(
  'who lists every place gets no more than its share by that, unless it is the closest itself',
  async (t) => {
    const everywhere = Array.from({ length: 64 }, (_, i) => place(i / 64));
    const others = Array.from({ length: 19 }, (_, i) => ({ at: (i + 1) / 20 }));
    const peers = table([{ at: 0, list: everywhere }, ...others]);
    const random = new SeededRandom(9);
    let byList = 0;
    let unasked = 0;
    for (let i = 0; i < 2_000; i += 1) {
      const to = place(random.fraction());
      const isClosest = distance(to, place(0)) < 0.025;
      const chosen = next(peers, { to });
      if (chosen === 1 && !isClosest) byList += 1;
      if (chosen !== 1 && isClosest) unasked += 1;
    }
    const most = routingLimits.lookAheadShare.value * routingLimits.lookAheadChoices.value;
    t.ok(byList <= most && byList > most / 2, `${byList} choices of ${most}`);
    t.equal(unasked, 0, 'for what lies next to it, it is asked');
  },
);

void t.test('honest lists make others share the choices: the window goes on', async (t) => {
  const random = new SeededRandom(10);
  const draw = (): Location[] => ascending(...Array.from({ length: 20 }, () => random.fraction()));
  const peers = table(Array.from({ length: 20 }, (_, i) => ({ at: (i + 0.5) / 20, list: draw() })));
  const counts = new Map<number, number>();
  for (let i = 0; i < 2_000; i += 1) {
    const link = next(peers, { to: place(random.fraction()) }) ?? 0;
    counts.set(link, (counts.get(link) ?? 0) + 1);
  }
  t.equal(counts.size, 20);
  t.ok(Math.max(...counts.values()) < 400);
});

void t.test('the lists of a link that is no longer confirmed are forgotten', async (t) => {
  const peers = table([{ at: 0.4 }, { at: 0.2, list: ascending(0.5) }]);
  peers.unconfirm(2 as LinkId);
  t.equal(next(peers), 1);
  peers.confirm(2 as LinkId);
  t.equal(next(peers), 1);
});

void t.test('a request goes where a list leads, and progress is what visited nodes are', async (t) => {
  const rig = new Rig({ away: 0.1 });
  const asker = rig.peer(0.4);
  rig.peer(0.05);
  const lister = rig.peer(0.2);
  rig.lists(lister, 0.3, 0.001);
  rig.ask(asker);
  const hop = rig.hop();
  t.equal(hop.link, lister);
  t.match(hop.request.route, { stall: 0, best: toWire(0.1) }, 'nobody at 0.001 has been visited');
  rig.says(hop, { type: 'dataNotFound', visits: 0 });
  t.match(rig.hop().request.route, { stall: 1 }, 'the visit of the lister was no progress');
});

void t.test(
  'no node is named while there is progress, nor by who diffuses, nor in the first visits after',
  async (t) => {
    const visitedBy = (asking: Parameters<Rig['ask']>[1], away = 0.3): readonly Location[] => {
      const rig = new Rig({ away });
      const asker = rig.peer(0.4);
      for (const at of [0.31, 0.32]) rig.peer(at);
      rig.ask(asker, asking);
      rig.hopSays({ type: 'dataNotFound', visits: 0 });
      const { route } = rig.hop().request;
      return route.phase === 'greedy' ? route.visited : [];
    };
    const before = [place(0.125)];
    t.strictSame(visitedBy({ htl: 20, visited: before }), before, 'what came goes on');
    t.strictSame(visitedBy({ phase: 'stem' }), []);
    t.strictSame(visitedBy({ htl: 19 }), [], 'its first visits are not far from who asked');
    const named = visitedBy({ htl: 10, visited: before });
    t.equal(named.length, 3, 'and then the own place and who was asked from here');
    t.strictSame(named.slice(0, 1), before);
  },
);

void t.test('while nothing was visited without progress nobody is named', async (t) => {
  const rig = new Rig({ away: 0.3 });
  const asker = rig.peer(0.4);
  rig.peer(0.1);
  rig.ask(asker, { htl: 10 });
  t.match(rig.hop().request.route, { visited: [] });
});

void t.test('at most eight are named, the last ones', async (t) => {
  const rig = new Rig({ away: 0.3 });
  const asker = rig.peer(0.4);
  rig.peer(0.31);
  const visited = Array.from({ length: 8 }, (_, i) => place(i / 64));
  rig.ask(asker, { htl: 10, stall: 2, best: toWire(0.01), visited, content: page() });
  const { route } = rig.hop().request;
  t.equal(route.phase === 'greedy' && route.visited.length, routingLimits.visitedHints.value);
  t.strictSame(route.phase === 'greedy' && route.visited.slice(0, 7), visited.slice(1));
});
