/** Path folding (docs/spec/peers.md, 7): what comes before an answer is looked at, and what goes on from there. */
import t from 'tap';
import type { LinkId } from '../../../routing/index.ts';
import type { RequestId } from '../../../routing/messages.ts';
import { BLOCK, Lone, OWN_REFERENCE } from './lone.ts';

/** A node that was asked by `asker` and has asked a peer on its part. */
function asked(
  lone: Lone,
  { asker, hop }: { asker: 'stranger' | 'friend'; hop: 'stranger' | 'friend' },
): { asker: LinkId; hop: LinkId; id: RequestId } {
  const link = (tie: 'stranger' | 'friend', place: number): LinkId =>
    tie === 'stranger' ? lone.peer(place) : lone.up(lone.node(place), { tie });
  const links = { asker: link(asker, 0.1), hop: link(hop, 0.3) };
  // Otherwise a node among strangers asks it nothing.
  if (hop === 'friend') lone.say(links.hop, { type: 'uplink', value: 0 });
  lone.toldAll('peers');
  lone.fetch(links.asker);
  const [request] = lone.toldAll('dataRequest');
  if (request === undefined) throw new Error('the request goes on');
  t.equal(request.link, links.hop);
  lone.say(links.hop, { type: 'accepted', id: request.message.id });
  return { ...links, id: request.message.id };
}

function foldsTo(lone: Lone, link: LinkId): Uint8Array[] {
  return lone.told(link).flatMap((message) => (message.type === 'fold' ? [message.reference] : []));
}

void t.test(
  'a reference before the answer is that of a candidate, who is dialled if it is wanted',
  async (t) => {
    const lone = new Lone({ opennet: 'on' });
    const { hop, id } = asked(lone, { asker: 'stranger', hop: 'stranger' });
    const source = lone.node(0.8);
    lone.say(hop, { type: 'fold', id: (id + 1) as RequestId, reference: source.reference });
    t.same(lone.dials, [], 'it belongs to no request');
    lone.say(hop, { type: 'fold', id, reference: source.reference });
    t.match(lone.dials, [{ candidate: source }]);
    const other = lone.node(0.85);
    lone.say(hop, { type: 'fold', id, reference: other.reference });
    t.equal(lone.dials.length, 1, 'the first counts');
  },
);

void t.test(
  'the reference goes up before the answer, and now and then the own one in its place',
  async (t) => {
    let passed = 0;
    let reset = 0;
    for (let seed = 1; seed <= 200; seed += 1) {
      const lone = new Lone({ opennet: 'on', seed });
      const { asker, hop, id } = asked(lone, { asker: 'stranger', hop: 'stranger' });
      const source = lone.node(0.8);
      lone.say(hop, { type: 'fold', id, reference: source.reference });
      lone.say(hop, { type: 'dataFound', id, visits: 0, block: BLOCK });
      const told = lone.told(asker).filter(({ type }) => type === 'fold' || type === 'dataFound');
      t.same(
        told.map(({ type }) => type),
        ['fold', 'dataFound'],
      );
      if (told[0]?.type !== 'fold') continue;
      if (Buffer.compare(told[0].reference, source.reference) === 0) passed += 1;
      else if (Buffer.compare(told[0].reference, OWN_REFERENCE) === 0) reset += 1;
    }
    t.equal(passed + reset, 200);
    t.ok(reset >= 2 && reset <= 30, `${reset} of 200, one in twenty on average`);
  },
);

void t.test('a node that nobody can dial passes on what it got, and never itself', async (t) => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const lone = new Lone({ opennet: 'on', dialable: false, seed });
    const { asker, hop, id } = asked(lone, { asker: 'stranger', hop: 'stranger' });
    const got = seed % 2 === 0 ? [lone.node(0.8).reference] : [];
    for (const reference of got) lone.say(hop, { type: 'fold', id, reference });
    lone.say(hop, { type: 'dataFound', id, visits: 0, block: BLOCK });
    t.same(foldsTo(lone, asker), got);
  }
});

void t.test('nothing is folded over a friend’s link, in neither direction', async (t) => {
  const up = new Lone({ opennet: 'on' });
  const above = asked(up, { asker: 'friend', hop: 'stranger' });
  up.say(above.hop, { type: 'fold', id: above.id, reference: up.node(0.8).reference });
  up.say(above.hop, { type: 'dataFound', id: above.id, visits: 0, block: BLOCK });
  t.same(foldsTo(up, above.asker), []);

  const down = new Lone({ opennet: 'on' });
  const below = asked(down, { asker: 'stranger', hop: 'friend' });
  const friends = down.node(0.8);
  down.say(below.hop, { type: 'fold', id: below.id, reference: friends.reference });
  t.same(down.dials, []);
  down.say(below.hop, { type: 'dataFound', id: below.id, visits: 0, block: BLOCK });
  t.same(foldsTo(down, below.asker), [OWN_REFERENCE], 'who is behind a friend is not named');
});

void t.test('what found nothing is not folded, nor is anything in a quiet or closed network', async (t) => {
  const lone = new Lone({ opennet: 'on' });
  const { asker, hop, id } = asked(lone, { asker: 'stranger', hop: 'stranger' });
  lone.say(hop, { type: 'dataNotFound', id, visits: 0 });
  t.same(foldsTo(lone, asker), []);
  const quiet = new Lone({ opennet: 'quiet' });
  const still = asked(quiet, { asker: 'stranger', hop: 'stranger' });
  quiet.say(still.hop, { type: 'fold', id: still.id, reference: quiet.node(0.8).reference });
  quiet.say(still.hop, { type: 'dataFound', id: still.id, visits: 0, block: BLOCK });
  t.same(quiet.dials, []);
  t.same(foldsTo(quiet, still.asker), []);
});

void t.test(
  'what the owner asked for is folded like anything else, and nothing is said to the owner',
  async (t) => {
    const lone = new Lone({ opennet: 'on' });
    const hop = lone.peer(0.3);
    lone.toldAll('peers');
    lone.ask();
    const [request] = lone.toldAll('dataRequest');
    if (request === undefined) throw new Error('the request goes on');
    const { id } = request.message;
    const source = lone.node(0.8);
    lone.say(hop, { type: 'accepted', id });
    lone.say(hop, { type: 'fold', id, reference: source.reference });
    lone.say(hop, { type: 'dataFound', id, visits: 0, block: BLOCK });
    t.match(lone.dials, [{ candidate: source }]);
    t.same(
      lone.toldOwner.map(({ type }) => type),
      ['accepted', 'dataFound'],
    );
  },
);
