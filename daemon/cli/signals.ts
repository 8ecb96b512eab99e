/**
 * Ctrl-C and `kill`, for what has to be put in order before the process ends: the daemon, and a command that waits for a job.
 * The first signal asks, a second one ends the process at once.
 */
import { processLimits } from '../config/limits.ts';

/** What a shell reports for a process that a signal ended: 128 and the signal's number. */
const statuses = { SIGINT: 130, SIGTERM: 143 } as const;
const signals = Object.keys(statuses) as (keyof typeof statuses)[];

export type SignalStatus = (typeof statuses)[keyof typeof statuses];

/** Calls `stop` once, with the exit status. Answers a function that gives the signals back. */
export function onStopSignal(stop: (status: SignalStatus) => void): () => void {
  let firstAt: number | undefined;
  const handler = (signal: NodeJS.Signals) => {
    const status = signal === 'SIGINT' ? statuses.SIGINT : statuses.SIGTERM;
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      stop(status);
    } else if (now - firstAt > processLimits.sameSignalMs.value) {
      process.exit(status);
    }
  };
  for (const signal of signals) process.on(signal, handler);
  return () => {
    for (const signal of signals) process.off(signal, handler);
  };
}
