/** How long peers were connected altogether (docs/spec/stem.md, 2 and 8). */
import t from 'tap';
import * as fc from 'fast-check';
import type { LinkId } from '../../../routing/index.ts';
import { Connected } from '../../../routing/stem/connected.ts';
import { stemLimits } from '../../../routing/stem/limits.ts';

const ENOUGH_MS = 1_000;
const MOST = stemLimits.connectedKept.value;

function begin(connected: Connected, link: number, identity: string, now: number): void {
  connected.begin(link as LinkId, identity, { now, earlierMs: 0 });
}

void t.test(
  'the sum of an identity is the time in which it had some link, and ends at what is enough',
  async () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ link: fc.nat(3), who: fc.constantFrom('a', 'b'), ms: fc.nat(400) }), {
          maxLength: 30,
        }),
        (steps) => {
          const connected = new Connected(ENOUGH_MS, []);
          const links = new Map<number, string>();
          const sums = new Map([
            ['a', 0],
            ['b', 0],
          ]);
          let now = 0;
          for (const { link, who, ms } of steps) {
            for (const other of new Set(links.values())) sums.set(other, (sums.get(other) ?? 0) + ms);
            now += ms;
            const had = links.get(link);
            // Twice is once, and what is not there can't end.
            if (had === undefined || had === who) {
              begin(connected, link, who, now);
              links.set(link, who);
            } else {
              connected.end(link as LinkId, now);
              connected.end(link as LinkId, now);
              links.delete(link);
            }
            for (const [identity, sum] of sums)
              if (connected.msOf(identity, now) !== Math.min(ENOUGH_MS, sum)) return false;
          }
          const again = new Connected(ENOUGH_MS, connected.keep(now));
          return [...sums.keys()].every((who) => again.msOf(who, now) === connected.msOf(who, now));
        },
      ),
    );
  },
);

void t.test(
  'neither those who are complete nor those who come for a moment keep the others from being known',
  async (t) => {
    const connected = new Connected(ENOUGH_MS, []);
    let [now, link] = [0, 0];
    const visit = (identity: string, ms: number) => {
      link += 1;
      begin(connected, link, identity, now);
      now += ms;
      connected.end(link as LinkId, now);
    };
    for (let i = 0; i < 2 * MOST; i += 1) visit(`complete ${i}`, ENOUGH_MS);
    t.equal(connected.keep(now).length, MOST);
    for (let i = 0; i < 10; i += 1) visit(`half ${i}`, ENOUGH_MS / 2);
    for (let i = 0; i < 2 * MOST; i += 1) visit(`moment ${i}`, 1);
    const kept = connected.keep(now);
    t.equal(kept.length, MOST);
    t.equal(kept[0]?.identity, `complete ${2 * MOST - 1}`, 'who was there last is the first');
    t.equal(kept.filter(({ ms }) => ms === ENOUGH_MS).length, MOST / 2);
    t.equal(kept.filter(({ ms }) => ms === ENOUGH_MS / 2).length, 10);
    t.same(new Connected(ENOUGH_MS, kept).keep(now), kept);
    // Who is there is known, however many are.
    for (let i = 0; i < 2 * MOST; i += 1) begin(connected, 10_000 + i, `there ${i}`, now);
    now += ENOUGH_MS / 4;
    t.equal(connected.msOf(`there ${MOST}`, now), ENOUGH_MS / 4);
    t.ok(connected.isGrowing(now));
  },
);
