/** What peers tell each other about their peers, and what they never tell (docs/spec/peers.md, 4 and 6). */
import t from 'tap';
import { type Location } from '../../../keys/index.ts';
import { type LinkId, opennetLimits } from '../../../routing/index.ts';
import type { SeekId } from '../../../routing/messages.ts';
import { Lone, at } from './lone.ts';
import { Net } from './net.ts';

function listsTo(lone: Lone, link: LinkId): (readonly Location[])[] {
  return lone.told(link).flatMap((message) => (message.type === 'peers' ? [message.list] : []));
}

void t.test(
  'a new peer is told the whole list at once, the others after a while and all together',
  async (t) => {
    const lone = new Lone();
    const first = lone.peer(0.3);
    t.same(listsTo(lone, first), [], 'there is nobody to tell of');
    const second = lone.caller(0.7);
    t.same(listsTo(lone, second), [[at(0.3)]]);
    const third = lone.caller(0.1);
    t.same(listsTo(lone, third), [[at(0.3), at(0.7)]]);
    lone.pass(opennetLimits.peersEveryMs.value * 0.74);
    t.same(listsTo(lone, first), []);
    lone.pass(opennetLimits.peersEveryMs.value * 0.52);
    t.same(listsTo(lone, first), [[at(0.1), at(0.7)]]);
    t.same(listsTo(lone, second), [[at(0.1), at(0.3)]]);
    t.same(listsTo(lone, third), [], 'what it knows already is not said again');
    lone.pass(10 * opennetLimits.peersEveryMs.value);
    t.same(
      [first, second, third].flatMap((link) => listsTo(lone, link)),
      [],
    );
    t.equal(lone.timers, 0);
  },
);

void t.test('who is no peer any more is taken off the list, and told nothing', async (t) => {
  const lone = new Lone();
  const [first, second] = [lone.peer(0.3), lone.peer(0.7)];
  lone.pass(1_000_000);
  lone.toldAll('peers');
  lone.say(second, { type: 'unwanted' });
  lone.pass(29_000);
  const third = lone.caller(0.1);
  t.same(listsTo(lone, third), [[at(0.3)]]);
  lone.pass(opennetLimits.peersEveryMs.value * 2);
  t.same(listsTo(lone, first), [[at(0.1)]]);
  t.same(listsTo(lone, second), []);
});

void t.test('a list on a link that is not confirmed is not taken', async (t) => {
  const lone = new Lone();
  const from = lone.peer(0.1);
  const stranger = lone.up(lone.node(0.3));
  lone.toldAll('peers');
  lone.say(stranger, { type: 'peers', list: [at(0.7)] });
  lone.say(from, lone.seek(lone.node(0.701)));
  t.same(lone.toldAll('seek'), []);
});

void t.test('strangers and chosen peers are not told of friends, friends are told of all', async (t) => {
  const lone = new Lone();
  const friend = lone.up(lone.node(0.2), { tie: 'friend' });
  const other = lone.up(lone.node(0.25), { tie: 'friend' });
  const chosenNode = lone.node(0.3);
  const chosen = lone.up(chosenNode, { tie: 'chosen' });
  lone.say(chosen, { type: 'wanted', reference: chosenNode.reference });
  const stranger = lone.peer(0.7);
  for (const link of [friend, other]) lone.say(link, { type: 'uplink', value: 0 });
  lone.pass(1_000_000);
  t.same(listsTo(lone, friend).at(-1), [at(0.25), at(0.3), at(0.7)]);
  t.same(listsTo(lone, other).at(-1), [at(0.2), at(0.3), at(0.7)]);
  t.same(listsTo(lone, chosen).at(-1), [at(0.7)]);
  // Said in the answer that made it a peer.
  const late = lone.caller(0.8);
  t.same(listsTo(lone, late), [[at(0.3), at(0.7)]]);
  lone.say(stranger, { type: 'introduce', id: 1 as SeekId, location: at(0.2) });
  t.same(
    lone.toldTypes(stranger).filter((type) => type !== 'peers'),
    ['noIntroduction'],
  );
});

void t.test(
  'a friend without strangers is not listed by a node that has some, and is once it has',
  async (t) => {
    const lone = new Lone();
    const friend = lone.up(lone.node(0.2), { tie: 'friend' });
    const other = lone.up(lone.node(0.25), { tie: 'friend' });
    lone.pass(1_000_000);
    t.same(listsTo(lone, friend).at(-1), [at(0.25)], 'as long as both have friends alone');
    lone.peer(0.7);
    lone.pass(1_000_000);
    t.same(listsTo(lone, friend).at(-1), [at(0.7)]);
    lone.say(other, { type: 'uplink', value: 0 });
    lone.pass(1_000_000);
    t.same(listsTo(lone, friend).at(-1), [at(0.25), at(0.7)]);
  },
);

void t.test('a network of friends exchanges lists without opennet', async (t) => {
  const lone = new Lone({ opennet: undefined });
  lone.up(lone.node(0.2), { tie: 'friend' });
  const second = lone.up(lone.node(0.25), { tie: 'friend' });
  t.same(listsTo(lone, second), [[at(0.2)]]);
});

void t.test(
  'peers are introduced to peers by their references, and nobody else is, nor to anybody else',
  async (t) => {
    const lone = new Lone();
    const asker = lone.peer(0.3);
    const known = lone.node(0.7);
    const link = lone.up(known);
    lone.say(link, { type: 'wanted', reference: known.reference });
    const stranger = lone.up(lone.node(0.8));
    lone.toldAll('peers');
    const ask = (from: LinkId, place: number): unknown => {
      lone.say(from, { type: 'introduce', id: 7 as SeekId, location: at(place) });
      return lone.told(from);
    };
    t.same(ask(asker, 0.7), [{ type: 'introduction', id: 7, reference: known.reference }]);
    const no = [{ type: 'noIntroduction', id: 7 }];
    t.same(ask(asker, 0.71), no, 'nobody lives there');
    t.same(ask(asker, 0.8), no, 'no peer');
    t.same(ask(asker, 0.3), no, 'oneself');
    t.same(ask(stranger, 0.7), no, 'to somebody who is no peer');
    for (let i = 0; i < 60; i += 1) ask(asker, 0.7);
    t.same(ask(asker, 0.7), no, 'too often');
  },
);

void t.test(
  'whatever happens in a mixed network, nothing that strangers hear names a node that has only friends',
  async (t) => {
    const hidden = new Set<number>();
    const references = new Set<string>();
    const leaks: string[] = [];
    let listed = 0;
    const net = new Net({
      seed: 12,
      spy: ({ tie, message, from }) => {
        if (message.type === 'peers') listed += 1;
        if (tie === 'friend') return;
        const hints = 'route' in message && message.route.phase === 'greedy' ? message.route.visited : [];
        const places = message.type === 'peers' ? message.list : hints;
        if (places.some((place) => hidden.has(place))) leaks.push(`${message.type} from ${from.index}`);
        const reference = 'reference' in message ? Buffer.from(message.reference).toString('hex') : '';
        if (references.has(reference)) leaks.push(`${message.type} from ${from.index}`);
      },
    });
    const seed = net.add();
    for (let i = 1; i < 25; i += 1) {
      net.pass(2_000);
      net.add({ seeds: [seed] });
    }
    // Nodes behind those, with friends alone; two of them are friends as well.
    let last;
    for (const host of net.nodes.slice(0, 10)) {
      const node = net.add({ opennet: undefined });
      hidden.add(node.candidate.location);
      references.add(Buffer.from(node.candidate.reference).toString('hex'));
      net.link(node, host, 'friend');
      if (last !== undefined) net.link(node, last, 'friend');
      last = node;
    }
    net.pass(60_000);
    for (let i = 0; i < 10; i += 1) {
      net.pass(5_000);
      net.add({ seeds: [seed] });
    }
    net.pass(120_000);
    for (let i = 0; i < 60; i += 1) {
      const from = net.nodes[net.random.below(net.nodes.length)];
      if (from !== undefined) net.fetch(from, i % 2 === 0 ? 'there' : 'missing');
    }
    t.ok(listed > 200, 'much was said');
    t.same(leaks, []);
  },
);
