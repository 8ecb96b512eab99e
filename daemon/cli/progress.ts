/**
 * Progress of a job on stderr: a bar on a terminal, or one JSON object a line with the field's names. It counts what is needed
 * and what is left; it promises no time.
 */
import { UserError, type Job } from '../../client/index.ts';
import { formatSize } from '../config/units.ts';
import type { Invocation } from './invocation.ts';
import type { Io } from './io.ts';

export interface ProgressView {
  /** Whether it is worth asking often. */
  readonly isShown: boolean;
  show(job: Job): void;
  /** Leaves the terminal as it was. Idempotent. */
  end(): void;
}

/** @throws UserError usage */
export function chooseProgress(call: Invocation): ProgressView {
  const when = call.text('progress') ?? 'auto';
  if (when === 'json') return jsonLines(call.io);
  if (when === 'never') return nothing;
  if (when === 'auto') return call.io.terminalColumns() === undefined ? nothing : bar(call.io);
  throw new UserError('usage', `--progress ${when}: expected auto, json or never`);
}

const nothing: ProgressView = { isShown: false, show: () => undefined, end: () => undefined };

function jsonLines(io: Io): ProgressView {
  let last = '';
  return {
    isShown: true,
    show({ id, state, progress, waiting }) {
      const line = JSON.stringify({ id, state, ...progress, ...(waiting && { waiting: waiting.code }) });
      if (line !== last) io.stderr.write(`${line}\n`);
      last = line;
    },
    end: () => undefined,
  };
}

function bar(io: Io): ProgressView {
  let isDrawn = false;
  return {
    isShown: true,
    show(job) {
      // Back to the first column, and clear what a longer line left.
      io.stderr.write(`\r${progressLine(job, io.terminalColumns() ?? 80)}\x1b[K`);
      isDrawn = true;
    },
    end() {
      if (isDrawn) io.stderr.write('\r\x1b[K');
      isDrawn = false;
    },
  };
}

const BAR_CELLS = 24;

/** Never as wide as the terminal: a full line would wrap, and the next one be drawn below it. */
export function progressLine(
  { progress, waiting }: Pick<Job, 'progress' | 'waiting'>,
  columns: number,
): string {
  const { required, succeeded, failed, finalizedTotal, sizeBytes, doneBytes } = progress;
  const share = required === 0 ? 0 : Math.min(1, succeeded / required);
  const filled = Math.floor(share * BAR_CELLS);
  const parts = [`[${'#'.repeat(filled)}${'.'.repeat(BAR_CELLS - filled)}]`];
  // Until the total is known more blocks may turn out to be needed.
  parts.push(`${Math.max(0, required - succeeded)}${finalizedTotal ? '' : '+'} blocks needed`);
  if (sizeBytes !== undefined) parts.push(`${formatSize(Math.max(0, sizeBytes - doneBytes))} to go`);
  if (failed > 0) parts.push(`${failed} retries`);
  if (waiting !== undefined) parts.push('waits for a guard: see `mimeo status`');
  return parts.join('  ').slice(0, Math.max(0, columns - 1));
}
