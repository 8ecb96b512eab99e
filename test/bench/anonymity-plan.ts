/** What the bench `anonymity` runs: each attack, on how many networks, with how many trials (docs/spec/attack.md). */
import type { BayesRunOptions } from '../attack/bayes-run.ts';
import type { CountOptions } from '../attack/count-run.ts';
import type { DropOptions } from '../attack/drop-run.ts';
import type { EclipseOptions } from '../attack/eclipse-run.ts';
import type { PendingOptions } from '../attack/pending-run.ts';
import type { runBusy, runQuiet } from '../attack/price-run.ts';
import type { ProbeOptions } from '../attack/probe-run.ts';
import type { NewcomerOptions, SybilFloodOptions } from '../attack/sybil-run.ts';
import type { TraceOptions } from '../attack/trace-run.ts';

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
export const SHARES = { f05: 0.05, f10: 0.1, f20: 0.2 } as const;
export type Share = keyof typeof SHARES;
export const SHARE_NAMES = Object.keys(SHARES) as Share[];

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
/** Lines on which nothing waits: latency alone. */
const WIDE = 1_000_000;
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
    counting(`${share}.n100`, 18, { spyShare: SHARES[share], blocks: 100, trials: 60 }),
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
    seeds(6).map((seed): Cell => ({
      name: `quiet.${stem}`,
      group: 'price',
      task: { type: 'quiet', options: { seed, nodes: N, fetches: 290, stem } },
      budgetSeconds: 60,
    })),
  ),
  {
    name: 'trace',
    group: 'trace',
    task: { type: 'trace', options: { ...TRACES, lineOverLimit: WIDE }, seeds: seeds(4) },
    budgetSeconds: 120,
  },
  ...[1, 20].map((lineOverLimit): Cell => ({
    name: `trace.line${lineOverLimit}`,
    group: 'trace',
    task: { type: 'trace', options: { ...TRACES, lineOverLimit }, seeds: seeds(4) },
    budgetSeconds: 120,
  })),
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
