/**
 * Whatever neighbours say in whatever order: the router does not throw, dials no more than it may, never more than one node twice at a
 * time, and nothing is left of links that are gone.
 */
import * as fc from 'fast-check';
import t from 'tap';
import { asLocation } from '../../../keys/index.ts';
import { type LinkId, type Message, opennetLimits, routingLimits } from '../../../routing/index.ts';
import type { SeekId, Uid } from '../../../routing/messages.ts';
import { Lone } from './lone.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;

const index = fc.nat(1_000);
const ids = fc.nat(12).map((id) => id as SeekId);
const places = fc.nat(40).map((place) => asLocation(place / 41));
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('up' as const),
      node: fc.nat(40),
      tie: fc.constantFrom('friend', 'chosen', 'stranger', 'stranger', 'stranger'),
    }),
  },
  fc.record({ do: fc.constant('down' as const), at: index }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.oneof(fc.nat(100), fc.nat(90_000)) }),
  fc.record({ do: fc.constant('dialEnds' as const), outcome: fc.constantFrom('linked', 'failed') }),
  fc.record({
    do: fc.constant('candidates' as const),
    from: fc.constantFrom('seeds', 'remembered'),
    node: fc.nat(40),
  }),
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      at: index,
      type: fc.constantFrom(
        'wanted',
        'wanted',
        'unwanted',
        'peers',
        'seek',
        'seek',
        'seekOffer',
        'seekEnd',
        'introduce',
        'introduction',
        'noIntroduction',
        'fold',
        'uplink',
        'stemLink',
      ),
      id: ids,
      node: fc.nat(41),
      list: fc.uniqueArray(places, { maxLength: 8 }),
      walk: fc.nat(8),
      htl: fc.integer({ min: 1, max: 255 }),
      uid: fc.nat(5),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function words(said: Extract<Step, { do: 'say' }>, lone: Lone, own: Uint8Array): Message {
  const { id, list } = said;
  const reference = lone.references[said.node] ?? Uint8Array.of(255);
  const location = list[0] ?? asLocation(0);
  switch (said.type) {
    case 'wanted':
      return { type: 'wanted', reference: said.id < 11 ? own : reference };
    case 'unwanted':
      return { type: 'unwanted' };
    case 'peers':
      return { type: 'peers', list: list.toSorted((a, b) => a - b) };
    case 'seek': {
      const uid = `000000000000000${said.uid}` as Uid;
      const proof = new Uint8Array(8).fill(1);
      return { type: 'seek', id, uid, target: location, walk: said.walk, htl: said.htl, reference, proof };
    }
    case 'introduce':
      return { type: 'introduce', id, location };
    case 'seekEnd':
    case 'noIntroduction':
      return { type: said.type, id };
    case 'fold':
      return { type: 'fold', id: said.id as never, reference };
    case 'uplink':
      return { type: 'uplink', value: said.walk % 8 };
    case 'stemLink':
      return { type: 'stemLink', step: (['ask', 'grant', 'full', 'end'] as const)[said.walk % 4] ?? 'ask' };
    case 'seekOffer':
    case 'introduction':
      return { type: said.type, id, reference };
  }
}

void t.test(
  'a router among hostile strangers keeps its bounds, and nothing is left when they have gone',
  async (t) => {
    let peers = 0;
    let seeks = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 20, maxLength: 150 }),
        fc.nat(1_000),
        fc.boolean(),
        (steps, seed, dialable) => {
          const lone = new Lone({ opennet: 'on', seed, dialable });
          const nodes = Array.from({ length: 40 }, (_, i) =>
            lone.node(((i * 17) % 41) / 41, { dialable: i % 3 > 0 }),
          );
          const links: { link: LinkId; node: (typeof nodes)[number] }[] = [];
          const isUp = (identity: string): boolean =>
            links.some(({ link, node }) => node.identity === identity && lone.isUp(link));
          for (const each of steps) {
            switch (each.do) {
              case 'up': {
                const node = nodes[each.node];
                if (node === undefined || isUp(node.identity)) break;
                links.push({ link: lone.up(node, { tie: each.tie }), node });
                break;
              }
              case 'down': {
                const up = links[each.at % Math.max(1, links.length)];
                if (up !== undefined) lone.down(up.link);
                break;
              }
              case 'pass':
                lone.pass(each.ms);
                break;
              case 'dialEnds': {
                const [dial] = lone.dials;
                if (dial === undefined) break;
                const cross = isUp(dial.candidate.identity);
                const link = lone.dialEnds(cross ? 'failed' : each.outcome);
                if (link !== undefined) links.push({ link, node: dial.candidate });
                break;
              }
              case 'candidates': {
                const node = nodes[each.node];
                if (node !== undefined)
                  lone.handle({ type: 'candidates', from: each.from, candidates: [node] });
                break;
              }
              case 'say': {
                const up = links[each.at % Math.max(1, links.length)];
                if (up !== undefined) lone.say(up.link, words(each, lone, up.node.reference));
              }
            }
            const dialled = lone.dials.map(({ candidate }) => candidate.identity);
            // A seed is called beside the others.
            if (dialled.length > opennetLimits.dialsAtOnce.value + 1) return false;
            if (new Set(dialled).size !== dialled.length) return false;
            const most = routingLimits.peers.value + opennetLimits.guests.value;
            const strangers = links.filter(({ link }) => lone.isUp(link) && lone.tieOf(link) === 'stranger');
            if (lone.router.peerCount - (links.length - strangers.length) > most) return false;
            peers += lone.router.peerCount;
          }
          seeks += lone.toldAll('seek').length;
          for (const { link } of links) lone.down(link);
          while (lone.dials.length > 0) lone.dialEnds('failed');
          lone.pass(1_000);
          // At most a round's own timer, the look beyond, and the one that writes down who was a peer.
          if (lone.timers > 3 + 2) return false;
          return lone.router.peerCount === 0;
        },
      ),
      { numRuns: full ? 5_000 : 300 },
    );
    t.ok(peers > 1_000 && seeks > 100, `links were confirmed (${peers}) and seeks went on (${seeks})`);
  },
);
