/** What `get -o -` and `put -` share: a transfer that a signal or a time-out breaks off, with the exit status that belongs to it. */
import { UserError } from '../../../client/index.ts';
import type { Invocation } from '../invocation.ts';
import { onStopSignal, type SignalStatus } from '../signals.ts';

/** There is no job to go on without its stream: a transfer whose time is over is given up. */
export async function streamed(
  call: Invocation,
  transfer: (signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const abort = new AbortController();
  let interruptedBy: SignalStatus | undefined;
  const release = onStopSignal((status) => {
    interruptedBy = status;
    abort.abort();
  });
  const timeoutMs = call.durationMs('timeout');
  let isLate = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          isLate = true;
          abort.abort();
        }, timeoutMs);
  try {
    await transfer(abort.signal);
    return 0;
  } catch (error) {
    if (interruptedBy !== undefined) return interruptedBy;
    if (isLate)
      throw new UserError('timed_out', `the transfer was given up after ${call.text('timeout')}`, {
        cause: error,
      });
    throw error;
  } finally {
    clearTimeout(timer);
    release();
  }
}
