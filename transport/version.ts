/** Which version of the protocol two nodes speak (docs/spec/links.md, 9). Pure arithmetic; knows no messages. */

/** All versions from `min` to `max`, both included; 1 ≤ min ≤ max ≤ MAX_VERSION. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

const MAX_VERSION = 65_535;

/** The highest version that both speak; undefined when there is none. Both sides compute the same. */
export function negotiateVersion(ours: VersionRange, theirs: VersionRange): number | undefined {
  const highest = Math.min(ours.max, theirs.max);
  return highest >= Math.max(ours.min, theirs.min) ? highest : undefined;
}

export function isVersionRange({ min, max }: VersionRange): boolean {
  return Number.isInteger(min) && Number.isInteger(max) && min >= 1 && min <= max && max <= MAX_VERSION;
}
