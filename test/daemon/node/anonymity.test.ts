/** What a node says of its owner's anonymity, for every standing of the stem: codes, words, and which jobs it holds up. */
import fc from 'fast-check';
import t from 'tap';
import { api } from '../../../client/api.ts';
import { waitCodes } from '../../../client/job.ts';
import { anonymity, waitOf } from '../../../daemon/node/anonymity.ts';

type Standing = NonNullable<Parameters<typeof anonymity>[0]['standing']>;

const guardAfterMs = 86_400_000;
/** Nobody near is among strangers. */
const NO_UPLINK = 7;
const good: Standing = { guard: 'settled', isFriend: true, guards: 3, stemIns: 4, waiting: 0, friends: 3 };

const cases: readonly {
  readonly when: string;
  readonly standing: Partial<Standing> | undefined;
  readonly uplink?: number;
  readonly reasons: readonly string[];
  readonly warnings: readonly RegExp[];
  readonly sentence: string;
}[] = [
  {
    when: 'all is well',
    standing: {},
    reasons: [],
    warnings: [],
    sentence: 'Not reduced: settled guard, 4 nodes ask through this one.',
  },
  {
    when: 'there are no peers',
    standing: { guard: 'none', isFriend: false, guards: 0, stemIns: 0, friends: 0 },
    reasons: ['no_guard', 'no_friends', 'few_stem_ins'],
    warnings: [
      /^What you ask for waits: this node has no guard yet/,
      /^Reduced anonymity: no friend is connected.*; nobody asks through this one, so what leaves it is all yours\.$/,
    ],
    sentence: 'What you ask for waits: no guard, 0 nodes ask through this one.',
  },
  {
    when: 'the only guard is away',
    standing: { guard: 'none', guards: 1 },
    reasons: ['guards_away'],
    warnings: [/^What you ask for waits: the guard of this node is not connected, or does not answer/],
    sentence: 'What you ask for waits: no guard, 4 nodes ask through this one.',
  },
  {
    when: 'all guards are away',
    standing: { guard: 'none', waiting: 7 },
    reasons: ['guards_away'],
    warnings: [/^What you ask for waits: the guards of this node are not connected, or do not answer/],
    sentence: 'What you ask for waits: no guard, 4 nodes ask through this one.',
  },
  {
    when: 'the guard is provisional, and what goes through one peer alone',
    standing: { guard: 'provisional', friends: 0, stemIns: 1 },
    reasons: ['guard_provisional', 'no_friends', 'few_stem_ins'],
    warnings: [
      /^Reduced anonymity: the guard was drawn from the few .* after 24 hours .*; one node alone asks .* mostly yours\.$/,
    ],
    sentence: 'Reduced: provisional guard, 1 node asks through this one.',
  },
  {
    when: 'the guard is provisional and new, so that bulk waits',
    standing: { guard: 'provisional', waiting: 1 },
    reasons: ['guard_new', 'guard_provisional'],
    warnings: [
      /^What you ask for waits: the first guard of this node is new: pages load/,
      /^Reduced anonymity: /,
    ],
    sentence: 'What you ask for waits: provisional guard, 4 nodes ask through this one.',
  },
  {
    when: 'it has no guard, and friends who know the way to strangers',
    standing: { guard: 'none', guards: 0, friends: 1 },
    uplink: 2,
    reasons: [],
    warnings: [],
    sentence: 'Not reduced: through friends, 4 nodes ask through this one.',
  },
  {
    when: 'it has no guard, and friends of whom none is near strangers',
    standing: { guard: 'none', guards: 0, friends: 1 },
    uplink: NO_UPLINK,
    reasons: ['no_guard'],
    warnings: [/^What you ask for waits: this node has no guard yet/],
    sentence: 'What you ask for waits: no guard, 4 nodes ask through this one.',
  },
  {
    when: 'it was made without the stem',
    standing: undefined,
    reasons: ['stem_off'],
    warnings: [/^Reduced anonymity: .* without the stem, for measuring: peers can tell what you ask for\.$/],
    sentence: 'Reduced: no guard, 0 nodes ask through this one.',
  },
];

for (const { when, standing, uplink = 0, reasons, warnings, sentence } of cases) {
  void t.test(`what is said when ${when}`, (t) => {
    const now = standing === undefined ? undefined : { ...good, ...standing };
    const said = anonymity({ standing: now, uplink, guardAfterMs });
    t.strictSame(said.info.reasons, reasons);
    t.equal(said.info.sentence, sentence);
    t.match(said.warnings, warnings);
    t.equal(said.warnings.length, warnings.length);
    t.end();
  });
}

const standings: fc.Arbitrary<Standing> = fc.record({
  guard: fc.constantFrom('none', 'provisional', 'settled'),
  isFriend: fc.boolean(),
  guards: fc.nat(3),
  stemIns: fc.nat(20),
  waiting: fc.nat(100),
  friends: fc.nat(5),
});

void t.test(
  'in every standing the level, the codes and the words say the same, in the form of the table',
  (t) => {
    const info = api['node.status'].result.shape.anonymity;
    fc.assert(
      fc.property(standings, (standing) => {
        const { info: said, warnings } = anonymity({ standing, uplink: 0, guardAfterMs });
        info.parse(said);
        const waits = said.reasons.filter((reason) => (waitCodes as readonly string[]).includes(reason));
        const reduced = said.reasons.length > waits.length;
        return (
          said.level === (waits.length > 0 ? 'waiting' : reduced ? 'reduced' : 'full') &&
          warnings.some((text) => text.startsWith('What you ask for waits: ')) === waits.length > 0 &&
          warnings.some((text) => text.startsWith('Reduced anonymity: ')) === reduced &&
          (standing.guard !== 'none' || said.level === 'waiting')
        );
      }),
    );
    t.pass('always');
    t.end();
  },
);

void t.test(
  'a job is said to wait only while requests do, and a page not for what holds up bulk alone',
  (t) => {
    fc.assert(
      fc.property(standings, fc.constantFrom('bulk' as const, 'realtime' as const), (standing, priority) => {
        const wait = waitOf({ standing, uplink: 0, guardAfterMs }, priority);
        if (standing.waiting === 0 || standing.guard === 'settled') return wait === undefined;
        if (standing.guard === 'none')
          return wait?.code === (standing.guards === 0 ? 'no_guard' : 'guards_away');
        return priority === 'realtime' ? wait === undefined : wait?.code === 'guard_new';
      }),
    );
    t.equal(
      waitOf({ standing: undefined, uplink: 0, guardAfterMs }, 'bulk'),
      undefined,
      'nothing waits without the stem',
    );
    t.end();
  },
);
