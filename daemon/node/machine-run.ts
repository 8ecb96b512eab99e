/**
 * Runs a `Getter` or a `Putter`: performs its effects with the virtual peer, a source or a sink, and timers, and answers them.
 *
 * Invariant: the machine is never entered while it works, and never again once it has completed.
 */
import { assert, assertNever } from '../../keys/index.ts';
import type {
  ClientEffect,
  ClientEvent,
  FetchResult,
  Getter,
  InsertResult,
  OpenedContent,
  Outcome,
  Progress,
  Putter,
  Token,
} from '../../client/index.ts';
import type { Priority } from '../../routing/index.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { Network } from './client-cache.ts';

export interface RunOptions {
  readonly network: Network;
  readonly priority: Priority;
  /** Of an upload. */
  readonly source?: Source;
  readonly onProgress?: (progress: Progress) => void;
  readonly onUri?: (uri: string) => void;
  /** Of a download: what it is. Whoever runs it then calls `read`. */
  readonly onOpened?: (file: OpenedContent) => void;
}

export class MachineRun {
  readonly #machine: Getter | Putter;
  readonly #options: RunOptions;
  readonly #queue: ClientEvent[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #asked = new Set<() => void>();
  readonly #outcome = Promise.withResolvers<Outcome>();
  #opened: Token | undefined;
  #sink: Sink | undefined;
  #busy = false;
  #over = false;

  constructor(machine: Getter | Putter, options: RunOptions) {
    this.#machine = machine;
    this.#options = options;
  }

  /** Begins; resolves when the machine has completed. */
  run(): Promise<Outcome> {
    this.#dispatch({ type: 'start' });
    return this.#outcome.promise;
  }

  /** Where the bytes go, and which; once, after `onOpened`. */
  read(range: { offsetBytes: number; sizeBytes: number }, sink: Sink): void {
    assert(this.#opened !== undefined && this.#sink === undefined, 'one range is read of what was opened');
    this.#sink = sink;
    this.#dispatch({ type: 'read', token: this.#opened, range });
  }

  cancel(): void {
    this.#dispatch({ type: 'cancel' });
  }

  #dispatch(event: ClientEvent): void {
    if (this.#over) return;
    this.#queue.push(event);
    if (this.#busy) return;
    this.#busy = true;
    const effects: ClientEffect[] = [];
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        this.#machine.handle(performance.now(), next, effects);
        for (const effect of effects) this.#perform(effect);
        effects.length = 0;
        if (this.#over) return;
      }
    } finally {
      this.#busy = false;
    }
  }

  #perform(effect: ClientEffect): void {
    const { network, priority, source } = this.#options;
    switch (effect.type) {
      case 'fetchBlock': {
        const { token, key, salt } = effect;
        this.#ask<FetchResult>(
          (done) => network.ask({ type: 'fetch', key, salt, priority, done }),
          (result) => ({ type: 'blockFetched', token, result }),
        );
        return;
      }
      case 'insertBlock': {
        const { token, key, salt, block } = effect;
        this.#ask<InsertResult>(
          (done) => network.ask({ type: 'insert', key, salt, block, priority, done }),
          (result) => ({ type: 'blockInserted', token, result }),
        );
        return;
      }
      case 'measureSource':
        assert(source !== undefined, 'an upload has a source');
        this.#answer(source.measure(), (result) => ({ type: 'sourceMeasured', token: effect.token, result }));
        return;
      case 'readSource':
        assert(source !== undefined, 'an upload has a source');
        this.#answer(source.read(effect.form, effect.sizeBytes), (result) => ({
          type: 'sourceRead',
          token: effect.token,
          result,
        }));
        return;
      case 'endSource':
        assert(source !== undefined, 'an upload has a source');
        this.#answer(source.end(), (result) => ({ type: 'sourceEnded', token: effect.token, result }));
        return;
      case 'uriKnown':
        this.#options.onUri?.(effect.uri);
        return;
      case 'opened':
        this.#opened = effect.token;
        this.#options.onOpened?.(effect.file);
        return;
      case 'writeSink':
        assert(this.#sink !== undefined, 'a download that was read has a sink');
        this.#answer(this.#sink.write(effect.form, effect.bytes), (result) => ({
          type: 'sinkWritten',
          token: effect.token,
          result,
        }));
        return;
      case 'endSink':
        assert(this.#sink !== undefined, 'a download that was read has a sink');
        this.#answer(this.#sink.end(), (result) => ({ type: 'sinkEnded', token: effect.token, result }));
        return;
      case 'setTimer': {
        const { token, at } = effect;
        const timer = setTimeout(
          () => {
            this.#timers.delete(timer);
            this.#dispatch({ type: 'timer', token });
          },
          Math.max(0, at - performance.now()),
        );
        this.#timers.add(timer);
        return;
      }
      case 'progress':
        this.#options.onProgress?.(effect.progress);
        return;
      case 'complete':
        this.#complete(effect.outcome);
        return;
      default:
        assertNever(effect);
    }
  }

  #ask<R>(ask: (done: (result: R) => void) => () => void, event: (result: R) => ClientEvent): void {
    // The answer may come before `ask` returns: a refusal needs no network.
    const call: { drop?: () => void; answered: boolean } = { answered: false };
    call.drop = ask((result) => {
      call.answered = true;
      if (call.drop !== undefined) this.#asked.delete(call.drop);
      this.#dispatch(event(result));
    });
    if (!call.answered) this.#asked.add(call.drop);
  }

  #answer<R>(work: Promise<R>, event: (result: R) => ClientEvent): void {
    void work.then((result) => this.#dispatch(event(result)));
  }

  #complete(outcome: Outcome): void {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const drop of this.#asked) drop();
    this.#options.source?.close();
    this.#sink?.close();
    this.#outcome.resolve(outcome);
  }
}
