/** What the bench `anonymity` runs, and what its rows want of it: docs/spec/attack.md says how each is meant. */
import type { BayesRunOptions } from '../attack/bayes-run.ts';
import type { CountOptions } from '../attack/count-run.ts';
import type { DropOptions } from '../attack/drop-run.ts';
import type { EclipseOptions } from '../attack/eclipse-run.ts';
import type { PendingOptions } from '../attack/pending-run.ts';
import type { runBusy, runQuiet } from '../attack/price-run.ts';
import { type ProbeOptions, TARGETS } from '../attack/probe-run.ts';
import type { NewcomerOptions, SybilFloodOptions } from '../attack/sybil-run.ts';
import type { TraceOptions } from '../attack/trace-run.ts';
import { wilson } from './routing-verdict.ts';

export type AnonymityTask =
  | { readonly type: 'count'; readonly options: CountOptions }
  | { readonly type: 'bayes'; readonly options: BayesRunOptions }
  | {
      readonly type: 'trace';
      readonly options: Omit<TraceOptions, 'seed'>;
      readonly seeds: readonly number[];
    }
  | { readonly type: 'pending'; readonly options: PendingOptions }
  | { readonly type: 'probe'; readonly options: ProbeOptions }
  | { readonly type: 'eclipse'; readonly options: EclipseOptions }
  | { readonly type: 'flood'; readonly options: SybilFloodOptions }
  | { readonly type: 'newcomer'; readonly options: NewcomerOptions }
  | { readonly type: 'drop'; readonly options: DropOptions }
  | { readonly type: 'quiet'; readonly options: Parameters<typeof runQuiet>[0] }
  | { readonly type: 'busy'; readonly options: Parameters<typeof runBusy>[0] };

export type Group =
  'count' | 'bayes' | 'trace' | 'pending' | 'probe' | 'eclipse' | 'sybil' | 'drop' | 'price';

export interface Cell {
  /** Runs of one name are alike but for their seed. */
  readonly name: string;
  readonly group: Group;
  readonly task: AnonymityTask;
  /** On a quiet core, with room. */
  readonly budgetSeconds: number;
}

const N = 500;
const seeds = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const SHARES = { f05: 0.05, f10: 0.1, f20: 0.2 } as const;
type Share = keyof typeof SHARES;
const SHARE_NAMES = Object.keys(SHARES) as Share[];

function counting(
  name: string,
  count: number,
  its: Partial<CountOptions> & { blocks: number; spyShare: number },
): Cell[] {
  return seeds(count).map((seed) => ({
    name,
    group: 'count',
    task: { type: 'count', options: { seed, nodes: N, presence: 'mix', stem: 'on', ...its } },
    budgetSeconds: 240,
  }));
}

function bayes(name: string, count: number, its: Partial<BayesRunOptions>): Cell[] {
  return seeds(count).map((seed) => ({
    name,
    group: 'bayes',
    task: {
      type: 'bayes',
      options: { seed, nodes: N, spyShare: 0.1, presence: 'mix', files: 1, strengths: ['a'], ...its },
    },
    budgetSeconds: 700,
  }));
}

const PROBED = { nodes: 200, owners: 40, keys: 40 } as const;
const TRACES = { nodes: 80, traces: 50, stem: 'on' } as const;
const ECLIPSED = { seed: 1, nodes: 1_000, salts: 3, keys: 5, readers: 20 } as const;
const BUSY = { seed: 1, nodes: 150, warmMs: 20_000, measuredMs: 30_000 } as const;
const STEMS = ['on', 'off'] as const;

/** In the order in which they begin: what takes longest first. */
export const CELLS: readonly Cell[] = [
  ...bayes('M30', 4, { files: 30, trials: 25 }),
  ...bayes('M30.passive', 3, { files: 30, trials: 25, probing: 'none' }),
  ...SHARE_NAMES.flatMap((share) =>
    counting(`${share}.n1000`, 2, { spyShare: SHARES[share], blocks: 1_000, trials: 30 }),
  ),
  ...SHARE_NAMES.flatMap((share) =>
    counting(`${share}.n100`, 3, { spyShare: SHARES[share], blocks: 100, trials: 60 }),
  ),
  ...SHARE_NAMES.flatMap((share) =>
    counting(`${share}.n1`, 6, { spyShare: SHARES[share], blocks: 1, shortBlocks: [100, 1_000] }),
  ),
  ...counting('control', 2, { spyShare: 0.1, blocks: 500, trials: 30, stem: 'off' }),
  ...bayes('M1', 8, { strengths: ['a', 'b', 'c'] }),
  ...bayes('M1.passive', 8, { strengths: ['a', 'b', 'c'], probing: 'none' }),
  ...bayes('always', 5, { presence: 'always' }),
  ...bayes('always.passive', 5, { presence: 'always', probing: 'none' }),
  ...(['even', 'one'] as const).flatMap((spread) =>
    [24, 48].map((sybils): Cell => ({
      name: `eclipse${sybils}.${spread}`,
      group: 'eclipse',
      task: { type: 'eclipse', options: { ...ECLIPSED, sybils, spread, behaviour: 'lies' } },
      budgetSeconds: 120,
    })),
  ),
  {
    name: 'flood',
    group: 'sybil',
    task: { type: 'flood', options: { seed: 1, nodes: 100, share: 0.1, hours: 24, turns: 10 } },
    budgetSeconds: 240,
  },
  ...seeds(2).map((seed): Cell => ({
    name: 'newcomer',
    group: 'sybil',
    task: { type: 'newcomer', options: { seed, nodes: 150, evil: 24, newcomers: 12 } },
    budgetSeconds: 60,
  })),
  ...[10, 20, 30].flatMap((percent) =>
    seeds(3).map((seed): Cell => ({
      name: `drop${percent}`,
      group: 'drop',
      task: { type: 'drop', options: { seed, nodes: N, dropShare: percent / 100, stem: 'on', files: 25 } },
      budgetSeconds: 240,
    })),
  ),
  ...STEMS.flatMap((stem) =>
    (['all', 'one'] as const).map((who): Cell => ({
      name: `busy.${who}.${stem}`,
      group: 'price',
      task: { type: 'busy', options: { ...BUSY, who, stem } },
      budgetSeconds: 120,
    })),
  ),
  ...STEMS.flatMap((stem) =>
    seeds(2).map((seed): Cell => ({
      name: `quiet.${stem}`,
      group: 'price',
      task: { type: 'quiet', options: { seed, nodes: N, fetches: 1_000, stem } },
      budgetSeconds: 60,
    })),
  ),
  {
    name: 'trace',
    group: 'trace',
    task: { type: 'trace', options: TRACES, seeds: seeds(4) },
    budgetSeconds: 120,
  },
  {
    name: 'trace.roomy',
    group: 'trace',
    task: { type: 'trace', options: { ...TRACES, lineOverLimit: 20 }, seeds: seeds(4) },
    budgetSeconds: 120,
  },
  ...seeds(2).map((seed): Cell => ({
    name: 'pending',
    group: 'pending',
    task: { type: 'pending', options: { seed, nodes: 120, trials: 1_500, stem: 'on' } },
    budgetSeconds: 120,
  })),
  ...[undefined, 0, 1, 2].map((quietHops): Cell => ({
    name: quietHops === undefined ? 'probe' : `probe.quiet${quietHops}`,
    group: 'probe',
    task: {
      type: 'probe',
      options: { seed: 1, ...PROBED, stem: 'on', ...(quietHops === undefined ? {} : { quietHops }) },
    },
    budgetSeconds: 120,
  })),
];

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
/** An accuser with fewer accusations is not judged by how many of them were right. */
const ACCUSED_LEAST = 30;

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
          if (of < ACCUSED_LEAST) continue;
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
  ['price.hops', 'price', 'lower', 4.5, most('quiet.on', ['stemHops'], '2 × 1,000 fetches'), 'hops'],
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
