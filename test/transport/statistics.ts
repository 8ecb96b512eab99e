/** How probable a count is by chance: Pearson's chi-square and its tail. */

/** The sum of (observed − expected)² / expected, and the probability of at least as much by chance. */
export function chiSquare(
  observed: ArrayLike<number>,
  expected: (i: number) => number,
): { readonly statistic: number; readonly p: number } {
  let statistic = 0;
  for (let i = 0; i < observed.length; i++)
    statistic += ((observed[i] ?? 0) - expected(i)) ** 2 / expected(i);
  return { statistic, p: upperGamma((observed.length - 1) / 2, statistic / 2) };
}

/**
 * The regularised upper incomplete gamma function Q(a, x): by its series below a + 1 and Lentz's continued fraction above
 * (Press et al., Numerical Recipes, 3rd ed., 6.2; NIST DLMF 8.7.1 and 8.9.2).
 */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-15; n++) sum += term *= x / (a + n);
    return 1 - sum * scale;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let product = d;
  for (let n = 1, change = 0; Math.abs(change - 1) > 1e-15; n++) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    change = d * c;
    product *= change;
  }
  return product * scale;
}

/** Stirling's series (DLMF 5.11.1), shifted upwards to where five terms give 15 digits. */
function logGamma(a: number): number {
  let shift = 0;
  let z = a;
  for (; z < 15; z++) shift += Math.log(z);
  const z2 = z * z;
  const series = (1 / 12 - (1 / 360 - (1 / 1_260 - (1 / 1_680 - 1 / (1_188 * z2)) / z2) / z2) / z2) / z;
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series - shift;
}
