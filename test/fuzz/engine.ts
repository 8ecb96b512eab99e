/**
 * Changes valid inputs a little, runs them, and keeps some that the target answers in a new way (`shape`) to start from again.
 *
 * It is not guided by V8's block coverage: polled every 20 executions, that covered no more of our code after 20,000 executions
 * (message 11,929 characters against 11,980, uri 13,024 against 13,198, rpc 17,993 against 18,210, cbor, metadata and multipart the
 * same) and took 1.3 to 2.8 times as long; the messages of our refusals tell branches apart nearly as well. Most inputs start
 * from a fresh sample, because those that were kept and refused rarely lead on: with samples alone planted mistakes are found in
 * half of the executions, while kept inputs reach up to 0.3 % more code. Few edits, because six at once needed 5,570 executions
 * (median) for the planted trailer where a halving number needs 1,043. Node 24.21, 2 cores, November 2026.
 *
 * Invariant: (target, corpus, seed, count) decide every input, so a finding is repeated by its numbers or by its bytes. The
 * engine knows no clock; who watches it (watch.ts) does.
 */
import { SeededRandom } from '../sim/random.ts';
import { byteEdits } from './edits/bytes.ts';
import { fuzzLimits } from './limits.ts';
import { collectGarbage, heldBytes } from './memory.ts';
import { minimise } from './minimise.ts';
import { pick, type Answer, type Target } from './target.ts';

export interface Run {
  readonly seed: number;
  readonly count: number;
  /** Run first, as they are: what failed once, and what is worth starting from. */
  readonly corpus: readonly Uint8Array[];
  /** Told of each input before it runs. */
  readonly note: (input: Uint8Array) => void;
}

export interface Finding {
  /** The error's name and message. */
  readonly what: string;
  readonly input: Uint8Array;
  readonly stack: string;
}

export interface Tally {
  readonly executions: number;
  readonly accepted: number;
  readonly kept: number;
  readonly finding: Finding | undefined;
}

/** One input in so many starts from a kept one. */
const KEPT_IN = 4;
/** One input in so many is left as it is, so that the promises are also held against what is simply valid. */
const PLAIN_IN = 16;

export async function fuzz(target: Target, run: Run): Promise<Tally> {
  // Nearly every input ends in an error that nobody reads: their stacks are a tenth of all time. A finding gets its own.
  const frames = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return await fuzzed(target, run, frames);
  } finally {
    Error.stackTraceLimit = frames;
  }
}

async function fuzzed(
  target: Target,
  { seed, count, corpus, note }: Run,
  stackFrames: number,
): Promise<Tally> {
  const random = new SeededRandom(seed);
  const kept: Uint8Array[] = [];
  const shapes = new Set<string>();
  let accepted = 0;
  for (let executions = 0; executions < count; executions += 1) {
    const input = corpus[executions] ?? nextInput(target, kept, random);
    note(input);
    const result = await runOnce(target, input);
    if (result.type === 'failed') {
      Error.stackTraceLimit = stackFrames;
      const finding = await minimised(target, { input, failure: result, note });
      return { executions: executions + 1, accepted, kept: kept.length, finding };
    }
    if (result.type === 'accepted') accepted += 1;
    if (executions < corpus.length || isNew(result, shapes)) keep(input, kept, random);
  }
  return { executions: count, accepted, kept: kept.length, finding: undefined };
}

/** Runs one input, and makes it no shorter. */
export async function replay(target: Target, input: Uint8Array): Promise<Answer | Finding> {
  const result = await runOnce(target, input);
  return result.type === 'failed' ? { ...result, input } : result;
}

function nextInput(target: Target, kept: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  const words = target.words ?? [];
  const start = (): Uint8Array =>
    kept.length > 0 && random.below(KEPT_IN) === 0 ? pick(kept, random) : target.sample(random);
  let input = start();
  for (let edits = countEdits(random); edits > 0; edits -= 1) {
    const isBlind = target.edits.length === 0 || random.below(2) === 0;
    const edit = pick(isBlind ? byteEdits : target.edits, random);
    input = (edit({ input, other: start, random, words }) ?? input).subarray(0, target.mostBytes);
  }
  // A copy of its own: an offset or spare bytes of a larger buffer are nothing that a finding could repeat.
  return new Uint8Array(input);
}

function countEdits(random: SeededRandom): number {
  if (random.below(PLAIN_IN) === 0) return 0;
  let edits = 1;
  while (edits < fuzzLimits.editsAtOnce.value && random.below(2) === 0) edits += 1;
  return edits;
}

function isNew({ type, shape }: Answer, shapes: Set<string>): boolean {
  const normal = `${type} ${shape.slice(0, 120).replace(/\d+/g, '#')}`;
  if (shapes.has(normal) || shapes.size >= 16 * fuzzLimits.keptInputs.value) return false;
  shapes.add(normal);
  return true;
}

function keep(input: Uint8Array, kept: Uint8Array[], random: SeededRandom): void {
  if (input.length > fuzzLimits.keptBytes.value) return;
  if (kept.length < fuzzLimits.keptInputs.value) kept.push(input);
  else kept[random.below(kept.length)] = input;
}

const ALLOCATED = 'allocated too much';

interface Failure {
  readonly type: 'failed';
  readonly what: string;
  readonly stack: string;
}

async function runOnce(target: Target, input: Uint8Array): Promise<Answer | Failure> {
  const before = heldBytes();
  try {
    const answer = target.run(input);
    const settled = answer instanceof Promise ? await answer : answer;
    const grown = heldBytes() - before;
    if (grown <= fuzzLimits.allocatedBytes.value) return settled;
    const what = `${ALLOCATED} for ${input.length} bytes`;
    return { type: 'failed', what, stack: `${what}: ${grown}` };
  } catch (error) {
    const isError = error instanceof Error;
    return {
      type: 'failed',
      what: isError ? `${error.name}: ${error.message}` : String(error),
      stack: (isError ? error.stack : undefined) ?? '',
    };
  }
}

async function minimised(
  target: Target,
  { input, failure, note }: { input: Uint8Array; failure: Failure; note: Run['note'] },
): Promise<Finding> {
  const kind = kindOf(failure);
  // Again, with a stack: it may be that nothing shorter fails.
  const again = await runOnce(target, input);
  let last = again.type === 'failed' && kindOf(again) === kind ? again : failure;
  const shortest = await minimise(input, async (candidate) => {
    note(candidate);
    // What the run before left would be collected in this one and hide what it allocates.
    if (kind.startsWith(ALLOCATED)) collectGarbage();
    const result = await runOnce(target, candidate);
    if (result.type !== 'failed' || kindOf(result) !== kind) return false;
    last = result;
    return true;
  });
  return { what: last.what, stack: last.stack, input: shortest };
}

/** What a shorter input must still do: the same error, whatever numbers and quotations are in it. */
function kindOf({ what }: Failure): string {
  return what.replace(/"[^"]*"|\d+/g, '#').slice(0, 60);
}
