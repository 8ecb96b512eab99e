/** Guards over long times and whatever happens (docs/spec/stem.md, 1 and 2). */
import t from 'tap';
import * as fc from 'fast-check';
import { networks } from '../../../routing/index.ts';
import { stemLimits } from '../../../routing/stem/limits.ts';
import { SeededRandom } from '../../sim/random.ts';
import { DAY, GuardRig, HOUR, type Answer, MINUTE, type Node } from './guard-rig.ts';

const FULL = process.env.MIMEO_TEST_FULL !== undefined;
const { guards: GUARDS, guardDraws, guardDrawsMs, stemLinkSteps, connectedKept } = stemLimits;

/** What must hold after each event and at each change. */
class Watch {
  readonly #rig: GuardRig;
  #order: readonly string[] = [];
  #draws: readonly number[] = [];

  constructor(rig: GuardRig) {
    this.#rig = rig;
    rig.watch = () => this.look();
  }

  get draws(): readonly number[] {
    return this.#draws;
  }

  look(): void {
    const rig = this.#rig;
    const { order } = rig;
    if (order.join() !== this.#order.join()) this.#changed(order);
    const link = rig.guards.own();
    must(
      link === undefined || rig.guards.order.some((guard) => guard.link === link),
      'own() is in the order',
    );
    must((link === undefined) === (rig.guards.kind === 'none'), 'kind says whether there is one');
    must(link !== undefined || !rig.guards.mayBulk, 'nothing may go to nobody');
    for (const steps of rig.steps.values()) must(steps <= stemLinkSteps.value, 'few steps on a link');
    must(rig.timers <= 12, 'few timers');
  }

  #changed(order: readonly string[]): void {
    const rig = this.#rig;
    const { trueMs } = rig;
    const before = this.#order;
    const kept = rig.guards.keep();
    must(order.length <= GUARDS.value, 'few guards');
    must(kept.connected.length <= connectedKept.value, 'few sums');
    must(new Set(order).size === order.length, 'nobody twice');
    const come = order.filter((identity) => !before.includes(identity));
    const gone = before.filter((identity) => !order.includes(identity));
    must(come.length === 1 && gone.length <= 1, 'one comes, and at most one goes for it');
    const stay = before.filter((identity) => order.includes(identity));
    const [identity = ''] = come;
    const node = rig.nodes.get(identity);
    const isFirst = stay.length > 0 && order[0] === identity;
    const expected = isFirst ? [identity, ...stay] : [...stay, identity];
    must(order.join() === expected.join(), 'the others keep their order');
    must(!isFirst || node?.tie === 'friend', 'before the others comes a friend alone');
    const others = kept.guards.filter((guard) => guard.identity !== identity);
    must(
      node?.tie === 'friend' || !others.some(({ group }) => group === node?.group),
      'of strangers one of a group',
    );
    must(kept.guards.filter(({ isProvisional }) => isProvisional).length <= 2, 'no third provisional one');
    this.#draws = [...this.#draws, trueMs];
    const lately = this.#draws.filter((at) => at > trueMs - guardDrawsMs.value);
    must(lately.length <= guardDraws.value, `${lately.length} draws in sixty days`);
    this.#order = order;
  }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

type Step =
  | { readonly do: 'up' | 'old' | 'down' | 'session' | 'lose' | 'silent' | 'befriend'; readonly who: number }
  | { readonly do: 'answer'; readonly who: number; readonly answer: Answer }
  | { readonly do: 'uplink'; readonly who: number; readonly uplink: number }
  | { readonly do: 'unasked'; readonly who: number; readonly step: 'granted' | 'full' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'restart'; readonly setMs: number; readonly offMs: number };

const NODES = 16;
const who = fc.nat(NODES - 1);
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('up' as const, 'old'), who }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('down' as const, 'session', 'lose', 'silent', 'befriend'),
      who,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      who,
      answer: fc.constantFrom('grant' as const, 'grant', 'full', 'nothing'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('uplink' as const), who, uplink: fc.nat(7) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('unasked' as const),
      who,
      step: fc.constantFrom('granted' as const, 'full'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(20, 2_000, 11 * MINUTE, 5 * HOUR, 2 * DAY, 31 * DAY),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      offMs: fc.constantFrom(0, DAY, 40 * DAY),
      // The clock is right, or has gone back.
      setMs: fc.constantFrom(0, 0, -DAY, -100 * DAY),
    }),
  },
);

void t.test(
  'whatever happens, guards are few, change by the rules alone, and are drawn four times in sixty days',
  async (t) => {
    let drawn = 0;
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(steps, { minLength: 30, maxLength: 150, size: 'max' }),
        (seed, steps) => {
          const rig = new GuardRig({ seed });
          const nodes = Array.from({ length: NODES }, (_, i) =>
            rig.node(`${i}`, { group: `${i % 6}`, source: `${i % 3}`, dialable: i % 5 !== 0 }),
          );
          const watch = new Watch(rig);
          for (const step of steps) {
            const node: Node | undefined = 'who' in step ? nodes[step.who] : undefined;
            const link = node && rig.linkOf(node);
            if (step.do === 'pass') {
              rig.pass(step.ms);
            } else if (step.do === 'restart') {
              rig.restart(step);
            } else if (node !== undefined) {
              happen(rig, { step, node, link });
            }
            watch.look();
          }
          drawn += watch.draws.length;
        },
      ),
      { numRuns: FULL ? 1_000 : 100, seed: 11 },
    );
    t.ok(drawn > 200, `${drawn} draws were seen`);
  },
);

function happen(
  rig: GuardRig,
  { step, node, link }: { step: Step; node: Node; link: ReturnType<GuardRig['linkOf']> },
): void {
  if (step.do === 'answer') node.answer = step.answer;
  if (step.do === 'uplink') {
    node.uplink = step.uplink;
    rig.guards.noticed();
  }
  node.isOn = step.do !== 'down';
  if (link === undefined) {
    if (step.do === 'up') rig.up(node);
    if (step.do === 'old') rig.old(node);
    if (step.do === 'session') rig.sessionUp(node);
    if (step.do === 'befriend') node.tie = node.tie === 'friend' ? 'stranger' : 'friend';
  } else {
    if (step.do === 'up' && !rig.peers.isConfirmed(link)) rig.confirm(link);
    if (step.do === 'down') rig.down(node);
    if (step.do === 'lose' && node.tie !== 'friend') rig.lose(link);
    if (step.do === 'silent') rig.silent(node, 2);
    if (step.do === 'unasked') rig.guards[step.step](link);
  }
}

/** Shares of nodes that are there so much of the time, in sessions of such a length (research/anonymity.md, 7). */
const MIX = [
  { share: 0.37, onMs: 24 * HOUR, offMs: HOUR },
  { share: 0.33, onMs: 8 * HOUR, offMs: 8 * HOUR },
  { share: 0.3, onMs: 4 * HOUR, offMs: 20 * HOUR },
] as const;

interface Session {
  readonly kind: (typeof MIX)[number];
  isOn: boolean;
  until: number;
}

function session(random: SeededRandom): Session {
  let at = random.fraction();
  const kind = MIX.find(({ share }) => (at -= share) < 0) ?? MIX[0];
  const isOn = random.fraction() < kind.onMs / (kind.onMs + kind.offMs);
  return { kind, isOn, until: random.exponential(isOn ? kind.onMs : kind.offMs) };
}

/** Whether it has come or gone since. */
function turn(session: Session, { at, random }: { at: number; random: SeededRandom }): boolean {
  const before = session.isOn;
  while (session.until <= at) {
    session.isOn = !session.isOn;
    session.until += random.exponential(session.isOn ? session.kind.onMs : session.kind.offMs);
  }
  return session.isOn !== before;
}

void t.test(
  'in sixty days of coming and going no node draws more than four guards, and most have one',
  async (t) => {
    const [NODES, DAYS, PEERS] = [FULL ? 200 : 30, 60, 22];
    const most: number[] = [];
    let [on, served, spies] = [0, 0, 0];
    for (let seed = 1; seed <= NODES; seed += 1) {
      const random = new SeededRandom(seed);
      const rig = new GuardRig({ seed: seed + 1_000, params: networks.open });
      const watch = new Watch(rig);
      const own = session(random);
      // Some that are no peers any more are followed by others, as the peer policy would have it.
      let name = 0;
      const peers = new Map<Node, Session>();
      const join = () => {
        name += 1;
        const isSpy = random.fraction() < 0.1;
        const node = rig.node(`${isSpy ? 'spy' : 'node'} ${name}`, { source: `${name % 5}`, isOn: false });
        const times = session(random);
        peers.set(node, isSpy ? { ...times, isOn: true, until: Infinity } : times);
      };
      for (let i = 0; i < PEERS; i += 1) join();
      const STEP = 15 * MINUTE;
      const startMs = rig.trueMs;
      for (let at = 0; at < DAYS * DAY; at += STEP) {
        const turned = turn(own, { at, random });
        if (turned && own.isOn) {
          rig.restart({ offMs: startMs + at - rig.trueMs });
          rig.guards.begin();
        }
        if (random.fraction() < STEP / (3 * DAY)) {
          const [gone] = peers.keys();
          if (gone !== undefined && !rig.order.includes(gone.identity)) {
            rig.off(gone);
            peers.delete(gone);
            join();
          }
        }
        for (const [node, times] of peers) {
          turn(times, { at, random });
          node.isOn = times.isOn;
          if (!own.isOn || !node.isOn) rig.down(node);
          else if (rig.linkOf(node) === undefined) rig.up(node);
        }
        if (own.isOn) rig.pass(STEP);
        watch.look();
        if (!own.isOn) continue;
        on += 1;
        if (rig.own !== undefined) served += 1;
        if (rig.own?.startsWith('spy') === true) spies += 1;
      }
      most.push(watch.draws.length);
    }
    t.ok(Math.max(...most) <= guardDraws.value, `draws: ${most.join(' ')}`);
    t.ok(served / on > 0.85, `${(served / on).toFixed(3)} of the time with a guard`);
    // Of those that are there .16 are spies; drawing who is always there, or claims no load, would make it .46.
    t.ok(spies / served < 0.3, `${(spies / served).toFixed(3)} of it with a spy`);
  },
);
