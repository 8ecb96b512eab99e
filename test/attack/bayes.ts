/**
 * Who asks, as likely as spies can tell (docs/spec/attack.md, 3): a posterior over all nodes that were there, from what was seen of one file or of several
 * that are known to be one owner's. Pure.
 *
 * Several files of one owner are no independent witnesses: ways are fixed, and change only with who is there. So the owner's three guards are summed
 * over, and what came once by one guard is expected to come again.
 */
import { entropyBits } from './statistics.ts';
import type { Learned, Outcome, Walks } from './walks.ts';

/** One file. */
export interface Witness {
  /** Of the network as it was then, as far as the attacker knows. */
  readonly walks: Walks;
  readonly outcome: Outcome;
  /** The same for outcomes that are the same. */
  readonly name: string;
  /** How likely a node was there to pass something on: 0 or 1 for who has looked. */
  readonly presence: (node: number) => number;
  /** How likely it was there to ask, where the attacker draws something from that. */
  readonly askerPresence?: (node: number) => number;
  /** What own requests have shown at that time. */
  readonly learned?: (node: number) => Learned;
}

export interface BayesOptions {
  /** All that may have asked. */
  readonly suspects: readonly number[];
  readonly witnesses: readonly Witness[];
  /** Of several files: whom a node may have drawn as a guard, there or not, and how likely. */
  readonly guardsOf?: (node: number) => readonly Guess[];
}

interface Guess {
  readonly to: number;
  readonly weight: number;
}

/** How often what came by a guard once comes by it again: by hops whose peers come and go. Measured on other seeds than those of the bench. */
const SAME_AGAIN = 0.85;
/** For what the model holds for impossible: ways that meet a node twice, a guard that was replaced. */
const SLACK = 1e-9;

/** @returns probabilities by suspect */
export function posterior({ suspects, witnesses, guardsOf }: BayesOptions): Map<number, number> {
  const possible = suspects.filter((node) =>
    witnesses.every(({ askerPresence: asked }) => asked === undefined || asked(node) > 0),
  );
  const [first] = witnesses;
  if (first === undefined) return normalized(new Map(possible.map((node) => [node, 0])));
  if (witnesses.length === 1 || guardsOf === undefined) {
    const of = first.walks.likelihoodOf(first.outcome, first.learned);
    return normalized(
      new Map(possible.map((node) => [node, logPresence(first, node) + Math.log(of(node) + SLACK)])),
    );
  }
  const files = witnesses.map(({ walks, outcome, learned }) => walks.likelihoods(outcome, learned));
  const names = [...new Set(witnesses.map(({ name }) => name))];
  const nameOf = witnesses.map(({ name }) => names.indexOf(name));
  const scores = possible.map((node) => {
    const likelihoods = files.map((of) => new Map(of(node).map(({ to, likelihood }) => [to, likelihood])));
    const own = witnesses.reduce((sum, witness) => sum + logPresence(witness, node), 0);
    const byGuards = logOfGuards({
      guards: guardsOf(node),
      likelihood: (file, guard) => likelihoods[file]?.get(guard) ?? 0,
      presence: (file, guard) => witnesses[file]?.presence(guard) ?? 0,
      nameOf,
      names: names.length,
    });
    return [node, own + byGuards] as const;
  });
  return normalized(new Map(scores));
}

function logPresence({ askerPresence }: Witness, node: number): number {
  return askerPresence === undefined ? 0 : Math.log(askerPresence(node));
}

interface Files {
  readonly guards: readonly Guess[];
  /** How likely what was seen of a file is if it went by a guard, and how likely that one was there. */
  readonly likelihood: (file: number, guard: number) => number;
  readonly presence: (file: number, guard: number) => number;
  readonly nameOf: readonly number[];
  readonly names: number;
}

/** Guards that are told apart: a third one is used only while both are away. */
const GUARDS = 2;
/** What is less likely by this, as a logarithm, than the best so far is left out. */
const FAR = 30;

/**
 * Sums over the first two guards that the node may have: each file went by the first of them that was there, or else by any other. What has come by a
 * guard before comes again with chance `SAME_AGAIN`, as often as it came; where it is not known which of them was there, each counts in part.
 */
function logOfGuards({ guards, likelihood, presence, nameOf, names }: Files): number {
  const files = nameOf.length;
  const fresh = guards.map(({ to }) => Float64Array.from(nameOf, (_, file) => likelihood(file, to)));
  const there = guards.map(({ to }) => Float64Array.from(nameOf, (_, file) => presence(file, to)));
  const total = guards.reduce((sum, { weight }) => sum + weight, 0);
  const others = Float64Array.from(nameOf, (_, file) => {
    let weights = 0;
    let sum = 0;
    guards.forEach(({ weight }, guard) => {
      const isUp = weight * (there[guard]?.[file] ?? 0);
      weights += isUp;
      sum += isUp * (fresh[guard]?.[file] ?? 0);
    });
    return weights === 0 ? 0 : sum / weights;
  });
  const seen = new Float64Array(GUARDS * names);
  const times = new Float64Array(GUARDS);
  const parts = new Float64Array(GUARDS);
  const logs = new LogSum();
  const add = (drawn: readonly number[]): void => {
    let left = total;
    let log = 0;
    for (const guard of drawn) {
      const weight = guards[guard]?.weight ?? 0;
      log += Math.log(weight / left);
      left -= weight;
    }
    seen.fill(0);
    times.fill(0);
    for (let file = 0; file < files && log > logs.most - FAR; file += 1) {
      let away = 1;
      let chance = 0;
      const name = nameOf[file] as number;
      for (let place = 0; place < GUARDS; place += 1) {
        const guard = drawn[place] as number;
        const isUp = away * (there[guard]?.[file] as number);
        away -= isUp;
        const before = times[place] as number;
        // A guard that has shown little of its ways says little of what comes again.
        const again = (SAME_AGAIN * before) / (before + 0.01);
        const known = before > 0 ? (seen[place * names + name] as number) / before : 0;
        parts[place] = isUp * ((1 - again) * (fresh[guard]?.[file] as number) + again * known);
        chance += parts[place] as number;
      }
      chance += away * (others[file] as number);
      log += Math.log(chance + SLACK);
      if (chance <= 0) continue;
      for (let place = 0; place < GUARDS; place += 1) {
        const part = (parts[place] as number) / chance;
        times[place] = (times[place] as number) + part;
        seen[place * names + name] = (seen[place * names + name] as number) + part;
      }
    }
    logs.add(log);
  };
  for (const a of guards.keys()) for (const b of guards.keys()) if (b !== a) add([a, b]);
  return logs.sum;
}

/** Adds up numbers that are known by their logarithms. */
class LogSum {
  most = -Infinity;
  #scaled = 0;

  add(log: number): void {
    if (log === -Infinity) return;
    if (log <= this.most) {
      this.#scaled += Math.exp(log - this.most);
      return;
    }
    this.#scaled = this.#scaled * Math.exp(this.most - log) + 1;
    this.most = log;
  }

  get sum(): number {
    return this.most + Math.log(this.#scaled);
  }
}

/** From logarithms up to a constant. */
function normalized(logs: ReadonlyMap<number, number>): Map<number, number> {
  const most = Math.max(...logs.values());
  const weights = [...logs].map(([node, log]) => [node, Math.exp(log - most)] as const);
  const sum = weights.reduce((total, [, weight]) => total + weight, 0);
  return new Map(weights.map(([node, weight]) => [node, weight / sum]));
}

/** How well an attacker has done. */
export interface Verdict {
  /** Chance to be right for who accuses the most likely one. */
  readonly top1: number;
  /** Posterior of the one who asked at least .9. */
  readonly isCertain: boolean;
  readonly bits: number;
}

const CERTAIN = 0.9;
/** Two posteriors are equal up to what sums of floats differ by. */
const SAME = 1e-9;

export function judge(shares: ReadonlyMap<number, number>, asker: number): Verdict {
  const most = Math.max(...shares.values());
  const own = shares.get(asker) ?? 0;
  const tied = [...shares.values()].filter((share) => share >= most * (1 - SAME)).length;
  return {
    top1: own >= most * (1 - SAME) ? 1 / tied : 0,
    isCertain: own >= CERTAIN,
    bits: entropyBits(shares.values()),
  };
}
