/**
 * Performs the effects of one machine against memory, synchronously, on a virtual clock and in an order drawn from a seed: what
 * the daemon does with sockets and disk, without either. It also holds the machines to their contract: one answer a token, one
 * piece at a time, nothing after `complete`.
 */
import type { ClientEffect, OpenedContent, Token } from '../../client/effect.ts';
import type { ByteRange, ClientEvent } from '../../client/event.ts';
import type { Progress } from '../../client/job.ts';
import type { Outcome } from '../../client/outcome.ts';
import { assert, assertNever } from '../../keys/index.ts';
import { type MemoryNetwork, type MemorySink, SeededRandom, type Source } from './world.ts';

export interface Machine {
  readonly heldBlocks: number;
  handle(now: number, event: ClientEvent, effects: ClientEffect[]): void;
}

export interface World {
  readonly network: MemoryNetwork;
  /** Of the order of answers. */
  readonly seed: number;
  readonly source?: Source;
  readonly sink?: MemorySink;
  /** Which bytes are wanted; all when left out. */
  readonly range?: (file: OpenedContent) => ByteRange;
  /** Whose answers come last, when others are there; by default the order is random. */
  readonly slow?: 'network' | 'disk';
  /** Cancels after so many steps. */
  readonly cancelAfter?: number;
}

export interface Run {
  readonly outcome: Outcome;
  readonly progress: readonly Progress[];
  readonly opened: OpenedContent | undefined;
  readonly uriKnown: string | undefined;
  readonly steps: number;
  readonly endedAt: number;
  readonly peakHeldBlocks: number;
  /** Blocks asked for or inserted and not answered. */
  readonly peakRequests: number;
}

/** Runs a machine to its end. @throws when it breaks its contract or stops without `complete`. */
export function run(machine: Machine, world: World): Run {
  const order = new SeededRandom(`order/${world.seed}`);
  const answers: (() => ClientEvent)[] = [];
  /** Those of `world.slow`. */
  const slowAnswers: (() => ClientEvent)[] = [];
  const networkAnswers = world.slow === 'network' ? slowAnswers : answers;
  const diskAnswers = world.slow === 'disk' ? slowAnswers : answers;
  const timers: { at: number; token: Token }[] = [];
  const seen = new Set<Token>();
  const progress: Progress[] = [];
  const end: { outcome?: Outcome } = {};
  let opened: OpenedContent | undefined;
  let uriKnown: string | undefined;
  let sinkPending = false;
  let sourcePending = false;
  let now = 1_000_000;
  let steps = 0;
  let peakHeldBlocks = 0;
  let requests = 0;
  let peakRequests = 0;

  const perform = (effect: ClientEffect): void => {
    assert(end.outcome === undefined, 'nothing comes after complete');
    if ('token' in effect) {
      assert(!seen.has(effect.token), 'a token is used once');
      seen.add(effect.token);
    }
    switch (effect.type) {
      case 'fetchBlock':
        requests++;
        networkAnswers.push(() => {
          requests--;
          const { token, key, salt } = effect;
          return { type: 'blockFetched', token, result: world.network.fetch(key, salt) };
        });
        break;
      case 'insertBlock':
        requests++;
        networkAnswers.push(() => {
          requests--;
          const { token, key, salt, block } = effect;
          return { type: 'blockInserted', token, result: world.network.insert(key, salt, block) };
        });
        break;
      case 'measureSource':
        diskAnswers.push(() => ({
          type: 'sourceMeasured',
          token: effect.token,
          result: sourceOf(world).measure(),
        }));
        break;
      case 'readSource':
        assert(!sourcePending && effect.sizeBytes > 0, 'one piece of the source at a time');
        sourcePending = true;
        diskAnswers.push(() => {
          sourcePending = false;
          const { token, form, sizeBytes } = effect;
          return { type: 'sourceRead', token, result: sourceOf(world).read(form, sizeBytes) };
        });
        break;
      case 'endSource':
        diskAnswers.push(() => ({ type: 'sourceEnded', token: effect.token, result: sourceOf(world).end() }));
        break;
      case 'uriKnown':
        uriKnown = effect.uri;
        break;
      case 'opened': {
        const { token, file } = effect;
        opened = file;
        const range = world.range?.(file) ?? { offsetBytes: 0, sizeBytes: file.sizeBytes };
        diskAnswers.push(() => {
          world.sink?.open(file, range);
          return { type: 'read', token, range };
        });
        break;
      }
      case 'writeSink':
        assert(!sinkPending && effect.bytes.length > 0, 'one piece for the sink at a time');
        sinkPending = true;
        diskAnswers.push(() => {
          sinkPending = false;
          const { token, form, bytes } = effect;
          return { type: 'sinkWritten', token, result: sinkOf(world).write(form, bytes) };
        });
        break;
      case 'endSink':
        diskAnswers.push(() => ({ type: 'sinkEnded', token: effect.token, result: sinkOf(world).end() }));
        break;
      case 'setTimer':
        assert(effect.at > now, 'a timer lies ahead');
        timers.push(effect);
        timers.sort((a, b) => a.at - b.at);
        break;
      case 'progress':
        progress.push(effect.progress);
        break;
      case 'complete':
        end.outcome = effect.outcome;
        break;
      default:
        assertNever(effect);
    }
  };

  const nextEvent = (): ClientEvent => {
    if (steps === 0) return { type: 'start' };
    if (steps === world.cancelAfter) return { type: 'cancel' };
    // Now and then a timer runs out while answers are pending.
    const ready = answers.length > 0 ? answers : slowAnswers;
    const isTimersTurn = ready.length === 0 || order.below(8) === 0;
    const timer = isTimersTurn ? timers.shift() : undefined;
    if (timer !== undefined) {
      now = Math.max(now, timer.at);
      return { type: 'timer', token: timer.token };
    }
    const [answer] = ready.splice(order.below(ready.length), 1);
    assert(answer !== undefined, 'a machine that is not complete waits for something');
    return answer();
  };

  while (end.outcome === undefined) {
    const event = nextEvent();
    const effects: ClientEffect[] = [];
    machine.handle(now, event, effects);
    steps++;
    peakHeldBlocks = Math.max(peakHeldBlocks, machine.heldBlocks);
    // A source may use its buffer again.
    if (event.type === 'sourceRead' && event.result.type === 'bytes') event.result.bytes.fill(0);
    for (const effect of effects) perform(effect);
    peakRequests = Math.max(peakRequests, requests);
  }

  // Whatever is answered late is ignored.
  const late: ClientEffect[] = [];
  for (const answer of [...answers, ...slowAnswers]) machine.handle(now, answer(), late);
  for (const { token } of timers) machine.handle(now, { type: 'timer', token }, late);
  machine.handle(now, { type: 'cancel' }, late);
  assert(late.length === 0, 'nothing comes after complete');
  return {
    outcome: end.outcome,
    progress,
    opened,
    uriKnown,
    steps,
    endedAt: now,
    peakHeldBlocks,
    peakRequests,
  };
}

function sourceOf({ source }: World): Source {
  assert(source !== undefined, 'an upload has a source');
  return source;
}

function sinkOf({ sink }: World): MemorySink {
  assert(sink !== undefined, 'a download has a sink');
  return sink;
}
