/** Likelihoods of ways on networks that can be reckoned by hand, and against ways that were drawn. */
import t from 'tap';
import { SeededRandom } from '../sim/random.ts';
import { judge, posterior } from './bayes.ts';
import { PaperStem } from './paper.ts';
import { Population } from './population.ts';
import { Walks } from './walks.ts';

const COIN = 0.25;
const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;

/** 0 - 1 - 2 - 3 - 4, the last one a spy. */
function line(): Walks {
  const outs = [[1], [0, 2], [1, 3], [2, 4], [3]].map((all) => all.map((to) => ({ to, weight: 1 })));
  return new Walks({ outs, isSpy: (node) => node === 4, coin: COIN });
}

void t.test(
  'on a line each hop that must be passed costs the coin, and the owner may go the other way',
  async (t) => {
    const of = line().likelihoodOf({ type: 'caught', from: 3, spy: 4 });
    // From 3 itself one way in two; 0 has one way only; nobody goes back, but ends where there is no other way.
    t.ok(near(of(3), 1 / 2));
    t.ok(near(of(2), (1 / 2) * (1 - COIN)));
    t.ok(near(of(1), (1 / 2) * (1 - COIN) ** 2));
    t.ok(near(of(0), (1 - COIN) ** 3));
    t.equal(line().likelihoodOf({ type: 'caught', from: 2, spy: 4 })(0), 0, 'there is no such link');
  },
);

void t.test('who has diffused was passed on to: the owner himself never has', async (t) => {
  const of = line().likelihoodOf({ type: 'passed', diffuser: (node) => (node === 0 ? 1 : 0) });
  t.ok(near(of(1), 1 / 2), 'whom 1 asks first, 0 or 2; 0 has nobody else');
  t.equal(of(0), 0, 'his own way leads away from him');
});

void t.test('what is known of guards leaves no other way', async (t) => {
  const outs = [[{ to: 1, weight: 1 }], [{ to: 2, weight: 1 }], []];
  const walks = new Walks({ outs, isSpy: () => false, coin: COIN });
  const of = walks.likelihoodOf({ type: 'passed', diffuser: (node) => (node === 2 ? 1 : 0) });
  t.ok(near(of(0), 1 - COIN));
  t.ok(near(of(1), 1), 'who has no guard diffuses');
});

void t.test('what own requests have shown counts for as much as it is known to', async (t) => {
  const learned = (node: number): { hit: number; rest: number } =>
    node === 1 ? { hit: 0.4, rest: 0.5 } : { hit: 0, rest: 1 };
  const of = line().likelihoodOf({ type: 'caught', from: 3, spy: 4 }, learned);
  t.ok(near(of(1), 0.4 + 0.5 * (1 / 2) * (1 - COIN) ** 2));
  t.ok(near(of(0), (1 - COIN) * (0.4 + 0.5 * (1 - COIN) ** 2)));
});

void t.test('a posterior is as often right as it says, over ways that were drawn', async (t) => {
  const bins = { said: 0, right: 0, trials: 0 };
  for (const seed of [11, 12]) {
    const population = new Population({ seed, nodes: 300, spyShare: 0.1, presence: 'mix' });
    const isSpy = (node: number): boolean => population.spies.has(node);
    const stem = new PaperStem(population, new SeededRandom(seed));
    const there = population.draw();
    const outs = population.peers.map((peers) =>
      peers.filter((peer) => there[peer] === true).map((to) => ({ to, weight: population.uptimes[to] ?? 1 })),
    );
    const walks = new Walks({ outs, isSpy, coin: COIN });
    const suspects = [...there.keys()].filter((node) => there[node] === true && !isSpy(node));
    for (const asker of suspects) {
      const way = stem.way(asker, there);
      if (way === undefined) continue;
      const at = way.findIndex((node, index) => index > 0 && isSpy(node));
      const diffuser = way.at(-1);
      const outcome =
        at > 0
          ? ({ type: 'caught', from: way[at - 1] ?? 0, spy: way[at] ?? 0 } as const)
          : ({ type: 'passed', diffuser: (node: number) => (node === diffuser ? 1 : 0) } as const);
      const shares = posterior({ suspects, witnesses: [{ walks, outcome, name: '', presence: () => 1 }] });
      bins.said += Math.max(...shares.values());
      bins.right += judge(shares, asker).top1;
      bins.trials += 1;
    }
  }
  const [said, right] = [bins.said / bins.trials, bins.right / bins.trials];
  t.ok(bins.trials > 250 && Math.abs(said - right) < 0.06, `says ${said}, is right ${right}`);
});

void t.test(
  'with several files the guard that they went by is found, and who was away is no suspect',
  async (t) => {
    // Two owners, 0 and 1, each with a guard of his own (2, 3) that both may have, and a spy behind each.
    const outs = [[2, 3], [2, 3], [4], [5], [], []].map((all) => all.map((to) => ({ to, weight: 1 })));
    const walks = new Walks({ outs, isSpy: (node) => node >= 4, coin: COIN });
    const file = (from: number, there: readonly number[]) => ({
      walks,
      outcome: { type: 'caught', from, spy: from + 2 } as const,
      name: `${from}`,
      presence: (node: number) => (there.includes(node) ? 1 : 0),
      askerPresence: (node: number) => (there.includes(node) ? 1 : 0),
    });
    const guardsOf = (): { to: number; weight: number }[] => [
      { to: 2, weight: 1 },
      { to: 3, weight: 1 },
    ];
    const both = posterior({
      suspects: [0, 1],
      witnesses: [file(2, [0, 1, 2, 3]), file(2, [0, 1, 2, 3])],
      guardsOf,
    });
    t.ok(near(both.get(0) ?? 0, 0.5));
    const one = posterior({
      suspects: [0, 1],
      witnesses: [file(2, [0, 1, 2, 3]), file(2, [0, 2, 3])],
      guardsOf,
    });
    t.equal(one.get(0), 1);
    t.equal(one.get(1), undefined);
  },
);
