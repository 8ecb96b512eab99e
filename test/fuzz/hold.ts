/** The test of a target: so many inputs, in a child, and none of them breaks its promise. */
import t from 'tap';
import type { Target } from './target.ts';
import { watch } from './watch.ts';

const full = process.env['MIMEO_TEST_FULL'] !== undefined;
const SEED = 1;
/** The gate (.ci/run) takes five times as many as somebody who waits at a desk. */
const usual = process.env['CI'] === undefined ? 20_000 : 100_000;
const COUNT = full ? 1_000_000 : usual;
/** Far longer than a run: a child that stands still is ended by its own watch. */
const TIMEOUT_MS = 1_800_000;

/** A finding prints the command that repeats it. */
export function holdToPromises(targets: readonly Target[]): void {
  t.setTimeout(TIMEOUT_MS);
  for (const target of targets) {
    void t.test(`${target.name}: ${target.promise}`, { timeout: TIMEOUT_MS }, async (t) => {
      const { finding, ...report } = await watch({ target: target.name, seed: SEED, count: COUNT });
      t.equal(finding, undefined, `node test/fuzz/main.ts --target ${target.name} --input ${finding?.hex}`);
      t.equal(report.executions, COUNT, 'all of them ran');
      t.ok(
        (report.accepted ?? 0) > COUNT / 100,
        'some inputs are valid, or the fuzzing would end at the door',
      );
    });
  }
}
