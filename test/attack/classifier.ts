/**
 * Tells two groups of observations apart by their numbers: boosted stumps, each a threshold on one feature, judged on what they have not seen. Pure and
 * seeded. Small on purpose: what a hundred stumps on thirty features can't see, a few hundred observations don't show.
 */
import type { SeededRandom } from '../sim/random.ts';
import { auc } from './statistics.ts';

interface Stump {
  readonly feature: number;
  readonly above: number;
  readonly vote: number;
}

const ROUNDS = 60;
const FOLDS = 10;
/** Thresholds that are tried for a feature. */
const CUTS = 12;
/** Of what a stump says, what counts: many that say little are wrong less often. */
const PACE = 0.5;

/** AUC of scores, each given by stumps that have not seen that observation nor any other of its fold. */
export function tellApart(
  subjects: readonly (readonly number[])[],
  others: readonly (readonly number[])[],
  random: SeededRandom,
): number {
  const all = [
    ...subjects.map((features) => ({ features, label: 1 })),
    ...others.map((features) => ({ features, label: -1 })),
  ].map((one) => ({ ...one, fold: random.below(FOLDS), score: 0 }));
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const stumps = learn(all.filter((one) => one.fold !== fold));
    for (const one of all) if (one.fold === fold) one.score = scoreOf(stumps, one.features);
  }
  const scores = (label: number): number[] =>
    all.filter((one) => one.label === label).map(({ score }) => score);
  return auc({ subjects: scores(1), others: scores(-1) });
}

function scoreOf(stumps: readonly Stump[], features: readonly number[]): number {
  let score = 0;
  for (const { feature, above, vote } of stumps) score += (features[feature] ?? 0) > above ? vote : -vote;
  return score;
}

/** AdaBoost (Freund and Schapire, 1997). */
function learn(all: readonly { features: readonly number[]; label: number }[]): Stump[] {
  const count = all[0]?.features.length ?? 0;
  const weights = Float64Array.from(all, () => 1 / all.length);
  const cuts = Array.from({ length: count }, (_, feature) =>
    cutsOf(all.map(({ features }) => features[feature] ?? 0)),
  );
  const stumps: Stump[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    let best = { feature: 0, above: 0, edge: 0 };
    for (let feature = 0; feature < count; feature += 1)
      for (const above of cuts[feature] ?? []) {
        let edge = 0;
        for (let i = 0; i < all.length; i += 1) {
          const { features, label } = all[i] as (typeof all)[number];
          edge += (weights[i] as number) * label * ((features[feature] as number) > above ? 1 : -1);
        }
        if (Math.abs(edge) > Math.abs(best.edge)) best = { feature, above, edge };
      }
    const edge = Math.min(0.999, Math.max(-0.999, best.edge));
    if (edge === 0) break;
    const vote = (PACE / 2) * Math.log((1 + edge) / (1 - edge));
    stumps.push({ feature: best.feature, above: best.above, vote });
    let sum = 0;
    all.forEach(({ features, label }, i) => {
      const says = (features[best.feature] ?? 0) > best.above ? vote : -vote;
      weights[i] = (weights[i] ?? 0) * Math.exp(-label * says);
      sum += weights[i] ?? 0;
    });
    for (let i = 0; i < weights.length; i += 1) weights[i] = (weights[i] ?? 0) / sum;
  }
  return stumps;
}

function cutsOf(values: readonly number[]): number[] {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const cuts = new Set<number>();
  for (let cut = 1; cut <= CUTS; cut += 1) {
    const at = sorted[Math.floor((cut * (sorted.length - 1)) / (CUTS + 1))];
    if (at !== undefined && sorted.length > 1) cuts.add(at);
  }
  return [...cuts];
}
