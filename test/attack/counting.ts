/**
 * Who counts: attackers that know the keys of a file and see which of them come from whom (docs/spec/attack.md, 2). Each accuses one neighbour of the
 * spies, or nobody. Pure: all that they get is what spies have seen of one file.
 *
 * Levine, Liberatore, Lynn and Wright, "Statistical Detection of Downloaders in Freenet" (2017): of the blocks that somebody fetches each of his
 * peers gets an even share, 1 ÷ degree; of what he passes on for one of his peers it is 1 ÷ degree of that.
 */
import type { Sighting } from './spies.ts';
import { logBinomial } from './statistics.ts';

export type Estimator = 'firstSpy' | 'counting' | 'maxCount';
export const ESTIMATORS: readonly Estimator[] = ['firstSpy', 'counting', 'maxCount'];

/** All that is said of a network by itself. */
interface Neighbourhood {
  /** How many peers a node has that are there, and how many of them are spies. */
  readonly degreeOf: (node: number) => number;
  readonly spiesOf: (node: number) => number;
}

export interface Evidence {
  /** Of one file, in the order of time. */
  readonly seen: readonly Sighting[];
  /** Blocks that the file has. */
  readonly blocks: number;
  readonly around: Neighbourhood;
  readonly htl: number;
}

/** What a court would hear: the odds for "asks" over "passes on", where one of his peers or he himself may be who asks. */
const SURE = 0.98;

/** @returns who is accused */
export function accuse(estimator: Estimator, evidence: Evidence): number | undefined {
  switch (estimator) {
    case 'firstSpy':
      return evidence.seen[0]?.from;
    case 'counting':
      return mostLikely(evidence);
    case 'maxCount':
      return most([...countsOf(evidence)].map(([node, keys]) => ({ node, score: keys })));
  }
}

/** Different blocks that came from each. */
function countsOf({ seen, htl }: Evidence): Map<number, number> {
  const keys = new Map<number, Set<unknown>>();
  for (const { from, key, htl: left } of seen) {
    // Nobody but who begins a search sends all of its HTL.
    if (left !== undefined && left < htl) continue;
    const his = keys.get(from);
    if (his === undefined) keys.set(from, new Set([key]));
    else his.add(key);
  }
  return new Map([...keys].map(([node, his]) => [node, his.size]));
}

function mostLikely(evidence: Evidence): number | undefined {
  const { blocks, around } = evidence;
  const scores = [...countsOf(evidence)].map(([node, hits]) => {
    const degree = Math.max(1, around.degreeOf(node));
    const share = Math.min(1, around.spiesOf(node) / degree);
    const asks = logBinomial({ hits, of: blocks, share });
    const passesOn = logBinomial({ hits, of: blocks, share: share / degree });
    // Any of his peers may be who asks, or he himself.
    return { node, score: asks - passesOn - Math.log(degree) };
  });
  const accused = most(scores);
  const score = scores.find(({ node }) => node === accused)?.score ?? -Infinity;
  return score > Math.log(SURE / (1 - SURE)) ? accused : undefined;
}

/** The first of those with the highest score. */
function most(scores: readonly { node: number; score: number }[]): number | undefined {
  let best: { node: number; score: number } | undefined;
  for (const one of scores) if (best === undefined || one.score > best.score) best = one;
  return best?.node;
}

/** Of accusations, how many were right; and of those who asked, how many were accused. */
export class Tally {
  #trials = 0;
  #accusations = 0;
  #right = 0;

  add({ accused, asker }: { accused: number | undefined; asker: number }): void {
    this.#trials += 1;
    if (accused !== undefined) this.#accusations += 1;
    if (accused === asker) this.#right += 1;
  }

  get trials(): number {
    return this.#trials;
  }

  get accusations(): number {
    return this.#accusations;
  }

  get precision(): number {
    return this.#accusations === 0 ? 0 : this.#right / this.#accusations;
  }

  get recall(): number {
    return this.#trials === 0 ? 0 : this.#right / this.#trials;
  }
}
