/** What the rows of the bench `anonymity` are made of, and what is wanted of them: docs/spec/attack.md says how each is meant. */
import { TARGETS } from '../attack/probe-run.ts';
import { type Group, SHARES, SHARE_NAMES, type Share } from './anonymity-plan.ts';
import { wilson } from './routing-verdict.ts';

/** Numbers of all runs of a name, added up; undefined when one of them has none. */
export type Sums = (
  name: string,
) => { readonly of: (metric: string) => number; readonly runs: number } | undefined;

export interface Goal {
  readonly name: string;
  readonly group: Group;
  readonly goal: number | null;
  readonly better: 'higher' | 'lower';
  readonly unit: string;
  /** With what it was measured. */
  readonly measure: (sums: Sums) => { readonly value: number; readonly note: string } | undefined;
}

function share(name: string, metric: string, of: string): Goal['measure'] {
  return (sums) => {
    const all = sums(name);
    if (all === undefined) return undefined;
    const count = all.of(of);
    return { value: all.of(metric) / count, note: `${count} trials, ${all.runs} networks` };
  };
}

const VIEWS = ['all', 'stem'] as const;
const ESTIMATORS = ['firstSpy', 'counting', 'maxCount'] as const;
/**
 * An accuser with fewer accusations is not judged by how many of them were right, nor by how many of fewer owners he has accused: of 300 the .03 that a recall may be
 * above f are two deviations.
 */
const LEAST = { precision: 30, recall: 300 } as const;

/** Of the stem the same ways count for all sizes (docs/spec/attack.md, 2): of 100 and 1,000 blocks only what is seen of all is of its own. */
function worstCount(shareName: Share, what: 'precision' | 'recall'): Goal['measure'] {
  return (sums) => {
    let worst: { value: number; low: number; note: string } | undefined;
    for (const blocks of [1, 100, 1_000])
      for (const view of VIEWS) {
        const all = sums(`${shareName}.n${view === 'stem' ? 1 : blocks}`);
        if (all === undefined) return undefined;
        for (const estimator of ESTIMATORS) {
          const name = `${estimator}.${view}.n${blocks}`;
          const of = all.of(`${name}.${what === 'precision' ? 'accused' : 'trials'}`);
          if (of < LEAST[what]) continue;
          const hits = all.of(`${name}.right`);
          const value = hits / of;
          // What chance has done to a few is not what an attacker can do: the worst is by the lower end.
          const { low } = wilson({ hits, of });
          if (worst === undefined || low > worst.low)
            worst = {
              value,
              low,
              note: `${estimator}, ${view}, n ${blocks}: ${of} ${what === 'precision' ? 'accusations' : 'trials'}`,
            };
        }
      }
    return worst;
  };
}

function control(what: 'accused' | 'trials'): Goal['measure'] {
  return share('control', 'counting.all.n500.right', `counting.all.n500.${what}`);
}

function setOf(name: string, strength: string): Goal['measure'] {
  return (sums) => {
    const all = sums(name);
    if (all === undefined) return undefined;
    const trials = all.of(`${strength}.trials`);
    return {
      value: 2 ** (all.of(`${strength}.bits`) / trials),
      note: `${trials} trials, ${all.runs} networks`,
    };
  };
}

/** The largest of some metrics, each a mean over the runs. */
function most(name: string, metrics: readonly string[], note: string): Goal['measure'] {
  return (sums) => {
    const all = sums(name);
    if (all === undefined) return undefined;
    const values = metrics.map((metric) => ({ metric, value: all.of(metric) / all.runs }));
    const worst = values.reduce((most, one) => (one.value > most.value ? one : most));
    return { value: worst.value, note: `${worst.metric}; ${note}` };
  };
}

function eclipse(sybils: number): Goal['measure'] {
  return (sums) => {
    const found = (['even', 'one'] as const).map((spread) => {
      const all = sums(`eclipse${sybils}.${spread}`);
      return all === undefined ? undefined : { spread, value: all.of('found') / all.of('fetches') };
    });
    const [even, one] = found;
    if (even === undefined || one === undefined) return undefined;
    const worst = even.value <= one.value ? even : one;
    return {
      value: worst.value,
      note: `Sybils ${worst.spread === 'even' ? 'at all three places' : 'at one place'}; at worst`,
    };
  };
}

/** Of what two runs measure, the one by the other. */
function ratio(over: string, under: string, metric: string): Goal['measure'] {
  return (sums) => {
    const [a, b] = [sums(over), sums(under)];
    if (a === undefined || b === undefined) return undefined;
    const [x, y] = [a.of(metric) / a.runs, b.of(metric) / b.runs];
    return { value: x / y, note: `${x.toPrecision(3)} against ${y.toPrecision(3)}` };
  };
}

const PRECISION: Readonly<Record<Share, number>> = { f05: 0.36, f10: 0.4, f20: 0.47 };
const DROPS = [
  { percent: 10, block: 0.97, file: 0.999 },
  { percent: 20, block: 0.93, file: 0.999 },
  { percent: 30, block: 0.83, file: 0.99 },
] as const;

type Aim = readonly [
  name: string,
  group: Group,
  better: Goal['better'],
  goal: number | null,
  measure: Goal['measure'],
  unit?: string,
];

const AIMS: readonly Aim[] = [
  ...SHARE_NAMES.map((name): Aim => [
    `count.precision.${name}`,
    'count',
    'lower',
    PRECISION[name],
    worstCount(name, 'precision'),
  ]),
  ...SHARE_NAMES.map((name): Aim => [
    `count.recall.${name}`,
    'count',
    'lower',
    SHARES[name] + 0.03,
    worstCount(name, 'recall'),
  ]),
  ['control.precision', 'count', 'higher', 0.9, control('accused')],
  ['control.recall', 'count', 'higher', 0.5, control('trials')],
  ['bayes.a.top1.M1', 'bayes', 'lower', 0.16, share('M1', 'a.top1', 'a.trials')],
  ['bayes.a.top1.M30', 'bayes', 'lower', 0.25, share('M30', 'a.top1', 'a.trials')],
  ['bayes.a.certain.M1', 'bayes', 'lower', 0, share('M1', 'a.certain', 'a.trials')],
  ['bayes.a.certain.M30', 'bayes', 'lower', 0.05, share('M30', 'a.certain', 'a.trials')],
  ['bayes.a.set.M1.always', 'bayes', 'higher', 100, setOf('always', 'a'), 'nodes'],
  ['bayes.a.set.M1', 'bayes', 'higher', 30, setOf('M1', 'a'), 'nodes'],
  ['bayes.a.set.M30', 'bayes', 'higher', null, setOf('M30', 'a'), 'nodes'],
  ['bayes.b.top1.M1', 'bayes', 'lower', 0.25, share('M1', 'b.top1', 'b.trials')],
  ['bayes.b.certain.M1', 'bayes', 'lower', 0.005, share('M1', 'b.certain', 'b.trials')],
  ['bayes.c.certain.M1', 'bayes', 'lower', 0.02, share('M1', 'c.certain', 'c.trials')],
  ['guard.spy', 'bayes', 'lower', 0.13, share('M1', 'guard.spies', 'guard.requests')],
  ['trace.auc', 'trace', 'lower', 0.55, most('trace', ['auc'], '200 + 200 traces'), 'AUC'],
  [
    'pending.auc',
    'pending',
    'lower',
    0.52,
    most(
      'pending',
      ['owner.stem', 'owner.greedy', 'link.stem', 'link.greedy'],
      '750 + 750 probes of each, 2 networks',
    ),
    'AUC',
  ],
  [
    'probe.hitDifference',
    'probe',
    'lower',
    0.01,
    most(
      'probe',
      TARGETS.map((target) => `${target}.hitDifference`),
      '1,600 + 1,600 keys',
    ),
  ],
  [
    'probe.latencyAuc',
    'probe',
    'lower',
    0.6,
    most(
      'probe',
      TARGETS.map((target) => `${target}.latencyAuc`),
      '1,600 + 1,600 keys',
    ),
    'AUC',
  ],
  ['eclipse24.found', 'eclipse', 'higher', 0.95, eclipse(24)],
  ['eclipse48.found', 'eclipse', 'higher', 0.9, eclipse(48)],
  [
    'sybil.slotShare',
    'sybil',
    'lower',
    1.5,
    most('flood', ['slotShare'], '100 nodes, 24 h, 10 times'),
    'of fair',
  ],
  ['sybil.newcomerEvil', 'sybil', 'lower', 0.4, most('newcomer', ['evilShare'], '12 newcomers, 2 networks')],
  ...DROPS.flatMap(({ percent, block, file }): Aim[] => [
    [`drop${percent}.block`, 'drop', 'higher', block, share(`drop${percent}`, 'found', 'blocks')],
    [`drop${percent}.file1MiB`, 'drop', 'higher', file, share(`drop${percent}`, 'whole', 'files')],
  ]),
  ['price.hops', 'price', 'lower', 4.5, most('quiet.on', ['stemHops'], '6 × 290 fetches'), 'hops'],
  ['price.latencyRatio', 'price', 'lower', 2.5, ratio('quiet.on', 'quiet.off', 'latencyMs'), 'ratio'],
  ['price.throughputRatio', 'price', 'higher', 0.28, ratio('busy.all.on', 'busy.all.off', 'mean'), 'ratio'],
  [
    'price.throughputRatio.p05',
    'price',
    'higher',
    null,
    ratio('busy.all.on', 'busy.all.off', 'p05'),
    'ratio',
  ],
  [
    'price.throughputRatio.lone',
    'price',
    'higher',
    null,
    ratio('busy.one.on', 'busy.one.off', 'mean'),
    'ratio',
  ],
];

export const GOALS: readonly Goal[] = AIMS.map(([name, group, better, goal, measure, unit = 'share']) => ({
  name,
  group,
  better,
  goal,
  measure,
  unit,
}));

/** What is told beside the rows: what a row is the worst of, and what spies know who do less or more. */
export const DETAILS: Readonly<Record<string, { readonly group: Group; readonly measure: Goal['measure'] }>> =
  {
    ...Object.fromEntries(
      SHARE_NAMES.map((name) => [
        `count.recall.${name}, first spy, n 1,000`,
        {
          group: 'count' as const,
          measure: share(`${name}.n1000`, 'firstSpy.all.n1000.right', 'firstSpy.all.n1000.trials'),
        },
      ]),
    ),
    'bayes.a.top1.M1, spies that send nothing': {
      group: 'bayes',
      measure: share('M1.passive', 'a.top1', 'a.trials'),
    },
    'bayes.a.set.M1, spies that send nothing': { group: 'bayes', measure: setOf('M1.passive', 'a') },
    'bayes.a.set.M1.always, spies that send nothing': {
      group: 'bayes',
      measure: setOf('always.passive', 'a'),
    },
    'bayes.b.top1.M1, spies that send nothing': {
      group: 'bayes',
      measure: share('M1.passive', 'b.top1', 'b.trials'),
    },
    'bayes.c.top1.M1': { group: 'bayes', measure: share('M1', 'c.top1', 'c.trials') },
    'bayes.a.top1.M30, who was there each time': {
      group: 'bayes',
      measure: share('M30', 'present.top1', 'present.trials'),
    },
    'bayes.a.certain.M30, who was there each time': {
      group: 'bayes',
      measure: share('M30', 'present.certain', 'present.trials'),
    },
    'bayes.a.top1.M30, spies that send nothing': {
      group: 'bayes',
      measure: share('M30.passive', 'a.top1', 'a.trials'),
    },
    'bayes.a.certain.M30, spies that send nothing': {
      group: 'bayes',
      measure: share('M30.passive', 'a.certain', 'a.trials'),
    },
    'bayes.a.set.M30, spies that send nothing': { group: 'bayes', measure: setOf('M30.passive', 'a') },
    'guard.spy, over 60 times': { group: 'bayes', measure: share('M30', 'guard.spies', 'guard.requests') },
    ...Object.fromEntries(
      [1, 20].map((times) => [
        `trace.auc, lines that carry ${times} × what owners let in`,
        { group: 'trace', measure: most(`trace.line${times}`, ['auc'], '200 + 200 traces') },
      ]),
    ),
    ...Object.fromEntries(
      [0, 1, 2].flatMap((quiet) =>
        TARGETS.flatMap((target) =>
          (['hitDifference', 'latencyAuc'] as const).map((what) => [
            `probe.${what}, ${quiet} quiet hops, ${target}`,
            {
              group: 'probe' as const,
              measure: most(`probe.quiet${quiet}`, [`${target}.${what}`], '1,600 + 1,600 keys'),
            },
          ]),
        ),
      ),
    ),
  };
