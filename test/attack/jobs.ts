/** Owners who ask for many blocks as a job of the daemon does: some at a time, and again later when there was no room. */
import type { Result, World } from '../sim/world.ts';

/** docs/LIMITS.md, client: `backoffFirstMs`, `backoffMaxMs`. */
const [PAUSE_FIRST_MS, PAUSE_MOST_MS] = [500, 60_000];
/** For an owner who has no guard that answers there is no end to it. */
const REFUSALS_MOST = 10;
const STEP_MS = 1_000;

/** Begins with each item, `atOnce` of them at a time, and lets time pass until all are done. */
export function inParallel<Item>(
  world: World,
  items: readonly Item[],
  how: { atOnce: number; begin: (item: Item, done: () => void) => void },
): void {
  const work = { next: 0, open: 0 };
  const more = (): void => {
    while (work.open < how.atOnce && work.next < items.length) {
      const item = items[work.next] as Item;
      work.next += 1;
      work.open += 1;
      how.begin(item, () => {
        work.open -= 1;
        more();
      });
    }
  };
  more();
  while (work.open > 0) world.run(world.now + STEP_MS);
}

/** Asks until it is found or stored, or was tried often enough. Who is told that there was no room has not tried. */
export function persist(
  world: World,
  what: { tries: number; ask: (answered: (result: Result) => void) => void; done: (result: Result) => void },
): void {
  let failures = 0;
  let refusals = 0;
  const ask = (): void =>
    what.ask((result) => {
      if (result.type === 'overloaded') refusals += 1;
      else failures += 1;
      const isDone = result.type === 'found' || result.type === 'stored' || result.type === 'collision';
      if (isDone || failures >= what.tries || refusals > REFUSALS_MOST) {
        what.done(result);
        return;
      }
      world.at(world.now + pauseMs(refusals + failures, world.random.fraction()), ask);
    });
  ask();
}

/** After so many refusals; `drawn` is 0 … 1. */
export function pauseMs(refusals: number, drawn: number): number {
  return Math.min(PAUSE_MOST_MS, PAUSE_FIRST_MS * 2 ** (refusals - 1)) * (0.5 + drawn);
}
