/**
 * The word that somebody probably meant: for names of settings and methods. It suggests and never substitutes.
 */

/** The nearest candidate, if at most a third of the word is mistyped. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MAX_WORD) return undefined;
  let best: string | undefined;
  let bestCost = Math.floor(word.length / 3) + 1;
  for (const candidate of candidates) {
    const cost = editDistance(word, candidate);
    if (cost < bestCost) {
      best = candidate;
      bestCost = cost;
    }
  }
  return best;
}

/** Words come from outside and the table is quadratic; no name of ours is near as long. */
const MAX_WORD = 64;

/** Levenshtein's distance with one row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
