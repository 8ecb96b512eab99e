/** Seeks as they pass a node (docs/spec/peers.md, 5): where they go, what they cost, and what nobody gets by them. */
import t from 'tap';
import { type LinkId, opennetLimits } from '../../../routing/index.ts';
import type { SeekId, Uid } from '../../../routing/messages.ts';
import { Lone, OWN_REFERENCE, UNPAID } from './lone.ts';

void t.test('the nearest node offers itself and ends the seek', async (t) => {
  const lone = new Lone();
  const from = lone.peer(0.1);
  const seek = lone.seek(lone.node(0.501));
  lone.toldAll('peers');
  lone.say(from, seek);
  t.same(lone.told(from), [
    { type: 'seekOffer', id: seek.id, reference: OWN_REFERENCE },
    { type: 'seekEnd', id: seek.id },
  ]);
  t.same(lone.dials, [], 'who offers does not dial');
});

void t.test(
  'a seek goes to the peer nearest to its target, and what it offers goes back before the own offer',
  async (t) => {
    const lone = new Lone();
    const from = lone.peer(0.1);
    lone.peer(0.6);
    const nearest = lone.peer(0.7);
    lone.toldAll('peers');
    const seek = lone.seek(lone.node(0.71));
    lone.say(from, seek);
    const [passed, ...more] = lone.toldAll('seek');
    t.equal(passed?.link, nearest);
    t.same(more, []);
    t.match(passed?.message, {
      uid: seek.uid,
      target: seek.target,
      htl: 23,
      walk: 0,
      reference: seek.reference,
    });
    const id = passed?.message.id ?? (0 as SeekId);
    lone.say(nearest, { type: 'seekOffer', id, reference: Uint8Array.of(5) });
    lone.say(nearest, { type: 'seekEnd', id });
    t.same(lone.told(from), [
      { type: 'seekOffer', id: seek.id, reference: Uint8Array.of(5) },
      { type: 'seekOffer', id: seek.id, reference: OWN_REFERENCE },
      { type: 'seekEnd', id: seek.id },
    ]);
    t.equal(lone.reads, 4, 'the three peers and the seeker: offers are for the seeker to check');
  },
);

void t.test(
  'a seek goes by what peers list, but not to where only the seeker itself is listed',
  async (t) => {
    const lone = new Lone();
    const from = lone.peer(0.1);
    const lister = lone.peer(0.3);
    const seeker = lone.node(0.71);
    lone.toldAll('peers');
    lone.say(lister, { type: 'peers', list: [seeker.location] });
    lone.say(from, lone.seek(seeker));
    t.same(lone.toldAll('seek'), [], 'this node is the nearest');
    lone.say(lister, { type: 'peers', list: [0.7 as typeof seeker.location, seeker.location] });
    lone.say(from, lone.seek(seeker));
    t.same(
      lone.toldAll('seek').map(({ link }) => link),
      [lister],
    );
  },
);

void t.test(
  'a seek never goes back, to the seeker, to a friend or on a link that is not confirmed',
  async (t) => {
    for (const walk of [0, 4]) {
      const lone = new Lone();
      const seeker = lone.node(0.7);
      const from = lone.peer(0.69);
      const itself = lone.up(seeker);
      lone.say(itself, { type: 'wanted', reference: seeker.reference });
      lone.up(lone.node(0.701), { tie: 'friend' });
      lone.up(lone.node(0.702));
      lone.toldAll('peers');
      lone.say(from, lone.seek(seeker, { walk }));
      t.same(lone.toldAll('seek'), []);
    }
  },
);

void t.test('a walk goes to a random peer, and one step less remains', async (t) => {
  const lone = new Lone();
  const from = lone.peer(0.1);
  const links = new Set<LinkId>();
  for (const place of [0.2, 0.3, 0.4, 0.6]) lone.peer(place);
  const seeker = lone.node(0.9);
  lone.toldAll('peers');
  for (let i = 0; i < 40; i += 1) {
    lone.say(from, lone.seek(seeker, { walk: 8 }));
    for (const { link, message } of lone.toldAll('seek')) {
      links.add(link);
      t.equal(message.walk, opennetLimits.seekWalk.value - 1, 'nobody walks farther than this network does');
      lone.say(link, { type: 'seekEnd', id: message.id });
    }
  }
  t.equal(links.size, 4, 'all of them');
});

void t.test('htl is cut to what this network uses, and ends the seek', async (t) => {
  const lone = new Lone();
  const from = lone.peer(0.1);
  const next = lone.peer(0.7);
  const seeker = lone.node(0.71);
  lone.toldAll('peers');
  lone.say(from, lone.seek(seeker, { htl: 255 }));
  t.match(lone.toldAll('seek'), [{ link: next, message: { htl: opennetLimits.seekHtl.value - 1 } }]);
  lone.say(from, lone.seek(seeker, { htl: 1 }));
  t.same(lone.toldTypes(from), ['seekOffer', 'seekEnd']);
});

void t.test(
  'a seek causes one message onward whatever is answered, and comes to an end when nothing is',
  async (t) => {
    const lone = new Lone();
    const from = lone.peer(0.1);
    for (const place of [0.69, 0.7, 0.72]) lone.peer(place);
    const seek = lone.seek(lone.node(0.71));
    lone.toldAll('peers');
    lone.say(from, seek);
    const [passed, ...more] = lone.toldAll('seek');
    t.same(more, []);
    if (passed === undefined) throw new Error('it was passed on');
    lone.say(passed.link, { type: 'seekEnd', id: passed.message.id });
    t.same(lone.toldTypes(from), ['seekOffer', 'seekEnd']);
    lone.say(passed.link, { type: 'seekEnd', id: passed.message.id });
    lone.say(passed.link, { type: 'seekOffer', id: passed.message.id, reference: Uint8Array.of(5) });
    t.same(lone.told(from), [], 'what comes afterwards goes nowhere');

    lone.say(from, lone.seek(lone.node(0.711)));
    lone.toldAll('seek');
    lone.pass(opennetLimits.seekHopMs.value * opennetLimits.seekHtl.value);
    t.ok(lone.toldTypes(from).includes('seekEnd'));
    t.same(lone.verdicts, []);
  },
);

void t.test('a uid is passed on by closeness once, and offered to once', async (t) => {
  const lone = new Lone();
  const from = lone.peer(0.1);
  const other = lone.peer(0.2);
  lone.peer(0.7);
  const seeker = lone.node(0.71);
  const uid = 'abcdefabcdefabcd' as Uid;
  lone.toldAll('peers');
  lone.say(from, lone.seek(seeker, { uid }));
  t.equal(lone.toldAll('seek').length, 1);
  lone.say(other, lone.seek(seeker, { uid }));
  t.same(lone.toldTypes(other), ['seekEnd']);
  lone.pass(opennetLimits.seekKeepMs.value + 20_000);
  lone.say(other, lone.seek(seeker, { uid }));
  t.equal(lone.toldAll('seek').length, 1, 'it is forgotten after a time');
});

void t.test('who has not paid, or shows no reference of this network, is not sought for', async (t) => {
  const lone = new Lone();
  const from = lone.peer(0.1);
  lone.peer(0.7);
  const seeker = lone.node(0.71);
  lone.toldAll('peers');
  const reads = lone.reads;
  const unpaid = lone.seek(seeker, { proof: UNPAID });
  lone.say(from, unpaid);
  t.same(lone.told(from), [{ type: 'seekEnd', id: unpaid.id }]);
  t.equal(lone.reads, reads, 'a signature is not checked before that');
  const foreign = { ...lone.seek(seeker), reference: Uint8Array.of(99) };
  lone.say(from, foreign);
  t.same(lone.told(from), [{ type: 'seekEnd', id: foreign.id }]);
  t.same(lone.toldAll('seek'), []);
});

void t.test('a flood of seeks is refused beyond what one link may ask, and costs nothing more', async (t) => {
  const lone = new Lone();
  const from = lone.peer(0.1);
  lone.peer(0.7);
  const seeker = lone.node(0.71);
  lone.toldAll('peers');
  for (let i = 0; i < 200; i += 1) lone.say(from, lone.seek(seeker));
  t.equal(lone.toldAll('seek').length, opennetLimits.seeksPerLink.value, 'in work at one time');
  lone.pass(20_000);
  const reads = lone.reads;
  for (let i = 0; i < 200; i += 1) lone.say(from, lone.seek(seeker));
  t.same(lone.toldAll('seek'), [], 'this minute is used up');
  t.equal(lone.reads, reads);
  lone.pass(60_000);
  lone.say(from, lone.seek(seeker));
  t.equal(lone.toldAll('seek').length, 1);
});

void t.test('an id that is in use is a violation', async (t) => {
  const lone = new Lone();
  const from = lone.peer(0.1);
  lone.peer(0.7);
  const seek = lone.seek(lone.node(0.71));
  lone.say(from, seek);
  lone.say(from, { ...seek, uid: '1111111111111111' as Uid });
  t.match(lone.verdicts, [{ link: from, verdict: 'violation' }]);
});

void t.test('offers are bounded, and the last one is the own', async (t) => {
  const lone = new Lone();
  const from = lone.peer(0.1);
  const next = lone.peer(0.7);
  lone.toldAll('peers');
  lone.say(from, lone.seek(lone.node(0.71)));
  const [passed] = lone.toldAll('seek');
  if (passed === undefined) throw new Error('it was passed on');
  for (let i = 0; i < 100; i += 1)
    lone.say(next, { type: 'seekOffer', id: passed.message.id, reference: Uint8Array.of(5) });
  lone.say(next, { type: 'seekEnd', id: passed.message.id });
  const offers = lone.told(from).filter(({ type }) => type === 'seekOffer');
  t.equal(offers.length, opennetLimits.seekOffers.value);
  t.match(offers.at(-1), { reference: OWN_REFERENCE });
});

void t.test(
  'a node that nobody can dial dials the seeker itself, or keeps quiet when nobody can dial that one either',
  async (t) => {
    const lone = new Lone({ dialable: false });
    const from = lone.peer(0.1);
    const seeker = lone.node(0.501);
    lone.toldAll('peers');
    lone.say(from, lone.seek(seeker));
    t.same(lone.toldTypes(from), ['seekEnd']);
    t.match(lone.dials, [{ candidate: seeker }]);
    lone.dialEnds('failed');
    lone.say(from, lone.seek(lone.node(0.502, { dialable: false })));
    t.same(lone.dials, []);
  },
);

void t.test('where neither end can be dialled the seek goes on to those who can be', async (t) => {
  const lone = new Lone({ dialable: false });
  const from = lone.peer(0.1);
  const next = lone.peer(0.7);
  lone.toldAll('peers');
  lone.say(from, lone.seek(lone.node(0.501, { dialable: false })));
  t.same(
    lone.toldAll('seek').map(({ link }) => link),
    [next],
  );
});

void t.test(
  'when the asker is gone nothing is left of its seek, and when the next one is gone it ends',
  async (t) => {
    const lone = new Lone();
    const from = lone.peer(0.1);
    const next = lone.peer(0.7);
    lone.pass(1_000_000);
    lone.toldAll('peers');
    lone.say(from, lone.seek(lone.node(0.71)));
    lone.down(next);
    t.ok(lone.toldTypes(from).includes('seekEnd'));
    const other = lone.peer(0.72);
    lone.say(from, lone.seek(lone.node(0.711)));
    lone.down(from);
    lone.down(other);
    lone.pass(200_000);
    t.equal(lone.timers, 0);
  },
);

void t.test('without opennet a seek is ended at once and nobody is introduced', async (t) => {
  const lone = new Lone({ opennet: undefined });
  const friend = lone.up(lone.node(0.3), { tie: 'friend' });
  const seek = lone.seek(lone.node(0.71));
  lone.say(friend, seek);
  lone.say(friend, { type: 'introduce', id: 1 as SeekId, location: seek.target });
  t.same(lone.toldTypes(friend), ['seekEnd', 'noIntroduction']);
});
