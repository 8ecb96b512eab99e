/** What attackers and benches reckon with: likelihoods of counts, how well a score tells two groups apart, how large a set is. Pure. */

const LOG_FACTORIALS: number[] = [0];

function logFactorial(n: number): number {
  for (let i = LOG_FACTORIALS.length; i <= n; i += 1)
    LOG_FACTORIALS.push((LOG_FACTORIALS[i - 1] ?? 0) + Math.log(i));
  return LOG_FACTORIALS[n] ?? 0;
}

/** Natural logarithm of the probability of `hits` of `of`, each with chance `share`. */
export function logBinomial({ hits, of, share }: { hits: number; of: number; share: number }): number {
  if (hits > of || share < 0) return -Infinity;
  if (share <= 0) return hits === 0 ? 0 : -Infinity;
  if (share >= 1) return hits === of ? 0 : -Infinity;
  const ways = logFactorial(of) - logFactorial(hits) - logFactorial(of - hits);
  return ways + hits * Math.log(share) + (of - hits) * Math.log(1 - share);
}

/** How often a score of `subjects` is above one of `others`, ties count half: .5 tells nothing apart. */
export function auc({
  subjects,
  others,
}: {
  subjects: readonly number[];
  others: readonly number[];
}): number {
  const all = [
    ...subjects.map((score) => ({ score, isSubject: true })),
    ...others.map((score) => ({ score, isSubject: false })),
  ].sort((a, b) => a.score - b.score);
  let above = 0;
  let below = 0;
  for (let from = 0; from < all.length;) {
    let to = from;
    let ties = 0;
    let tiedSubjects = 0;
    for (; to < all.length && all[to]?.score === all[from]?.score; to += 1) {
      if (all[to]?.isSubject === true) tiedSubjects += 1;
      else ties += 1;
    }
    above += tiedSubjects * (below + ties / 2);
    below += ties;
    from = to;
  }
  return above / (subjects.length * others.length);
}

/** Of probabilities that add up to 1, in bits. */
export function entropyBits(shares: Iterable<number>): number {
  let bits = 0;
  for (const share of shares) if (share > 0) bits -= share * Math.log2(share);
  return bits;
}
