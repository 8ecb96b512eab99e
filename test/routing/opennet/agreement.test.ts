/** Which links count: words, courtesy, places and who loses one (docs/spec/peers.md, 2 and 3). */
import t from 'tap';
import { opennetLimits, routingLimits } from '../../../routing/index.ts';
import type { LinkId } from '../../../routing/index.ts';
import { Lone, OWN_REFERENCE } from './lone.ts';

const wanted = (reference: Uint8Array) => ({ type: 'wanted', reference }) as const;
const PEERS = routingLimits.peers.value;

/** A node whose places are all taken, by peers at log-even distances on both sides, with the costs the same. */
function full(): { lone: Lone; links: LinkId[] } {
  const lone = new Lone();
  const links: LinkId[] = [];
  for (let i = 0; i < PEERS / 2; i += 1) {
    const away = 0.4 * 0.6 ** i;
    links.push(lone.peer(0.5 + away), lone.peer(0.5 - away));
  }
  lone.toldAll('peers');
  return { lone, links };
}

void t.test('a stranger that calls is told that it is wanted once it has said who it is', async (t) => {
  const lone = new Lone();
  const stranger = lone.node(0.3);
  const link = lone.up(stranger);
  t.same(lone.told(link), [], 'nobody is judged by an address alone');
  t.equal(lone.router.peerCount, 0);
  lone.say(link, wanted(stranger.reference));
  t.match(lone.told(link), [{ type: 'wanted', reference: OWN_REFERENCE }]);
  t.equal(lone.router.peerCount, 1);
});

void t.test(
  'a request on a link that is not confirmed is refused as overload, and nobody is blamed',
  async (t) => {
    const lone = new Lone();
    const stranger = lone.node(0.3);
    const link = lone.up(stranger);
    lone.fetch(link);
    t.same(lone.toldTypes(link), ['rejectedOverload']);
    lone.say(link, wanted(stranger.reference));
    lone.told(link);
    lone.fetch(link);
    t.equal(lone.toldTypes(link)[0], 'accepted');
    t.same(lone.verdicts, []);
  },
);

void t.test(
  'a friend is a peer without words, and whatever it says about wanting changes nothing',
  async (t) => {
    const lone = new Lone();
    const link = lone.up(lone.node(0.3), { tie: 'friend' });
    t.equal(lone.router.peerCount, 1);
    t.notOk(lone.toldTypes(link).includes('wanted'));
    lone.say(link, { type: 'unwanted' });
    lone.pass(10 * opennetLimits.courtesyMs.value);
    t.equal(lone.router.peerCount, 1);
    t.same(lone.closed, []);
  },
);

void t.test('a chosen peer is always wanted, even where there are no strangers', async (t) => {
  for (const lone of [new Lone(), new Lone({ opennet: undefined })]) {
    const chosen = lone.node(0.3);
    const link = lone.up(chosen, { tie: 'chosen' });
    t.ok(lone.toldTypes(link).includes('wanted'));
    lone.say(link, wanted(chosen.reference));
    t.equal(lone.router.peerCount, 1);
  }
});

void t.test(
  'a link on which one end says nothing, or does not want the other, is closed after the courtesy',
  async (t) => {
    const lone = new Lone();
    const silent = lone.up(lone.node(0.3));
    const unwilling = lone.up(lone.node(0.4));
    lone.say(unwilling, { type: 'unwanted' });
    lone.pass(opennetLimits.courtesyMs.value - 1);
    t.same(lone.closed, []);
    lone.pass(1);
    t.same(lone.closed, [silent, unwilling]);
    t.equal(lone.timers, 0, 'nothing is left of them');
  },
);

void t.test(
  'a peer that takes its word back is none any more, and the link lives on for the courtesy',
  async (t) => {
    const lone = new Lone();
    const link = lone.peer(0.3);
    lone.pass(1_000_000);
    lone.say(link, { type: 'unwanted' });
    t.equal(lone.router.peerCount, 0);
    lone.pass(opennetLimits.courtesyMs.value - 1);
    t.same(lone.closed, []);
    lone.pass(1);
    t.same(lone.closed, [link]);
  },
);

void t.test(
  'a full node goes for a better peer and drops the one that leaves the smallest hole',
  async (t) => {
    const { lone, links } = full();
    t.equal(lone.router.peerCount, PEERS);
    // Beside the peer at 0.4 · 0.6^3 = 0.0864 ahead: the newcomer fills no hole.
    const useless = lone.caller(0.5 + 0.087);
    t.same(lone.toldTypes(useless), ['unwanted']);
    t.equal(lone.router.peerCount, PEERS);
    // Nearer than everybody: the circle is made whole by it.
    const near = lone.caller(0.5 + 0.0005);
    t.ok(lone.toldTypes(near).includes('wanted'));
    const dropped = lone.toldAll('unwanted').map(({ link }) => link);
    t.equal(dropped.length, 1, 'one goes for it');
    t.equal(lone.router.peerCount, PEERS);
    // Pins are the two nearest on each side; the newcomer is one of them now.
    const pins = [links[PEERS - 1], links[PEERS - 2], links[PEERS - 3]];
    t.notOk(pins.includes(dropped[0]), 'no pin is dropped');
  },
);

void t.test('the victim stays until the winner is confirmed', async (t) => {
  const { lone } = full();
  const near = lone.node(0.5 + 0.0005);
  // Dialled, so that this end knows whom it wants before the other one has said a word.
  lone.handle({ type: 'candidates', from: 'seeds', candidates: [near] });
  const link = lone.up(near);
  t.same(lone.toldAll('unwanted'), []);
  t.equal(lone.router.peerCount, PEERS);
  lone.say(link, wanted(near.reference));
  t.equal(lone.toldAll('unwanted').length, 1);
  t.equal(lone.router.peerCount, PEERS);
});

void t.test(
  'who was dropped does not get its place back by asking, who was refused gets a free one',
  async (t) => {
    const { lone, links } = full();
    const refused = lone.caller(0.5 + 0.087);
    lone.caller(0.5 + 0.0005);
    const [dropped] = lone.toldAll('unwanted').filter(({ link }) => link !== refused);
    if (dropped === undefined) throw new Error('one was dropped');
    lone.told(refused);
    const gone = links.find((link) => link !== dropped.link);
    if (gone === undefined) throw new Error('there are others');
    lone.down(gone);
    t.ok(lone.toldTypes(refused).includes('wanted'), 'the place that became free');
    t.same(lone.toldTypes(dropped.link), []);
    t.equal(lone.router.peerCount, PEERS);
  },
);

void t.test('nobody says more than three words about one link', async (t) => {
  const lone = new Lone();
  const stranger = lone.node(0.3);
  const link = lone.up(stranger);
  lone.say(link, { type: 'unwanted' });
  lone.say(link, wanted(stranger.reference));
  lone.say(link, { type: 'unwanted' });
  t.same(lone.verdicts, []);
  lone.say(link, wanted(stranger.reference));
  t.match(lone.verdicts, [{ link, verdict: 'violation' }]);
});

void t.test('whoever shows the reference of somebody else breaks a rule', async (t) => {
  const lone = new Lone();
  const other = lone.node(0.4);
  const link = lone.up(lone.node(0.3));
  lone.say(link, wanted(other.reference));
  t.match(lone.verdicts, [{ link, verdict: 'violation' }]);
  t.equal(lone.router.peerCount, 0);
});

void t.test(
  'a reference that cannot be read makes a peer all the same, one that nobody is told of',
  async (t) => {
    const lone = new Lone();
    const link = lone.up(lone.node(0.3));
    lone.say(link, wanted(Uint8Array.of(9, 9, 9, 9)));
    t.equal(lone.router.peerCount, 1);
    lone.pass(60_000);
    t.same(lone.remembered, []);
  },
);

void t.test(
  'more callers than a node has patience for are closed at once, and their words are not heard',
  async (t) => {
    const lone = new Lone();
    const most = opennetLimits.courtesyLinks.value;
    for (let i = 0; i < most; i += 1) lone.up(lone.node(i / most));
    t.same(lone.closed, []);
    const late = lone.up(lone.node(0.9999));
    t.same(lone.closed, [late]);
    lone.pass(opennetLimits.courtesyMs.value);
    t.equal(lone.closed.length, most + 1);
    lone.caller(0.77);
    t.equal(lone.router.peerCount, 1, 'and then there is room again');
  },
);

void t.test('of one site there is one stranger, guests included', async (t) => {
  const lone = new Lone();
  lone.peer(0.3, { site: 'a', dialable: false });
  const second = lone.caller(0.7, { site: 'a' });
  t.equal(lone.router.peerCount, 1);
  t.ok(lone.toldTypes(second).includes('unwanted'));
});

void t.test('nodes that nobody can dial have places of their own at one that can be dialled', async (t) => {
  const { lone } = full();
  const most = opennetLimits.guests.value;
  const guests: LinkId[] = [];
  for (let i = 0; i < most; i += 1) guests.push(lone.peer(0.5 + 0.1 + i / 200, { dialable: false }));
  t.equal(lone.router.peerCount, PEERS + most);
  const farther = lone.caller(0.5 + 0.1455, { dialable: false });
  t.same(lone.toldTypes(farther), ['unwanted']);
  const nearer = lone.caller(0.5 + 0.0995, { dialable: false });
  t.ok(lone.toldTypes(nearer).includes('wanted'));
  t.same(
    lone.toldAll('unwanted').map(({ link }) => link),
    [guests.at(-1)],
    'the farthest guest goes',
  );
  t.equal(lone.router.peerCount, PEERS + most);
});

void t.test('of one group there is no more than its share of guests', async (t) => {
  const { lone } = full();
  const share = Math.floor(opennetLimits.guests.value * routingLimits.groupShare.value);
  for (let i = 0; i < opennetLimits.guests.value; i += 1)
    lone.caller(0.6 + i / 200, { dialable: false, group: 'one operator' });
  t.equal(lone.router.peerCount, PEERS + share);
});

void t.test('a node that nobody can dial has no guests: they could not have come', async (t) => {
  const lone = new Lone({ dialable: false });
  for (let i = 0; i < PEERS + 5; i += 1) lone.caller(0.01 + i / 40, { dialable: false });
  t.ok(lone.router.peerCount <= PEERS);
});
