/** Peers that are lost together (docs/spec/peers.md, 8). Whole networks that break and heal: test/sim/partition.test.ts. */
import t from 'tap';
import type { LinkId } from '../../../routing/index.ts';
import { opennetLimits, routingLimits } from '../../../routing/index.ts';
import { Lone } from './lone.ts';

const PEERS = routingLimits.peers.value;
const BREAK = Math.ceil(PEERS * opennetLimits.breakShare.value);

/** A node whose places are all taken; the links in the order in which they came. */
function full(): { lone: Lone; links: LinkId[]; dialled: () => string[] } {
  const lone = new Lone({ opennet: 'on' });
  const links = Array.from({ length: PEERS }, (_, i) => lone.peer((i + 0.3) / PEERS));
  const dialled = () => lone.dials.splice(0).map(({ candidate }) => candidate.identity);
  dialled();
  return { lone, links, dialled };
}

function names(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `node ${from + i}`);
}

void t.test('nobody runs after peers that are lost one after the other', async (t) => {
  const { lone, links, dialled } = full();
  for (const link of links.slice(0, BREAK)) {
    lone.down(link);
    lone.pass(opennetLimits.togetherMs.value);
    t.same(dialled(), []);
  }
});

void t.test('of peers that are lost together one is called soon, and all are when one is back', async (t) => {
  const { lone, links, dialled } = full();
  for (const link of links.slice(0, BREAK)) lone.down(link);
  // A round is on first, whose seeks nobody answers.
  lone.pass(120_000);
  const [called, ...others] = lone.dials;
  t.ok(called !== undefined && names(BREAK).includes(called.candidate.identity));
  t.same(others, []);
  lone.dialEnds('failed');
  dialled();
  // The others and the one that has just failed, a few at a time.
  const back = names(BREAK).find((name) => name !== called?.candidate.identity) ?? '';
  lone.up(lone.node(0.9, { identity: back }));
  const again = new Set<string>();
  while (lone.dials.length > 0) {
    again.add(lone.dials[0]?.candidate.identity ?? '');
    lone.dialEnds('linked');
  }
  t.same(
    [...again].sort(),
    names(BREAK).filter((name) => name !== back),
  );
});
