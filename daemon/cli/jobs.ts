/**
 * Following one job until it ends: progress on the way, the wish to stop, and the exit status. What the job is
 * belongs to the command that begins it.
 *
 * Invariant: a job that a person interrupts is cancelled before the command ends; a job whose time is over goes on.
 */
import { UserError, isErrorCode, type Api, type Job } from '../../client/index.ts';
import type { Invocation } from './invocation.ts';
import { say } from './io.ts';
import { chooseProgress } from './progress.ts';
import { onStopSignal, type SignalStatus } from './signals.ts';

export type Followed =
  | { readonly type: 'finished'; readonly job: Job }
  | { readonly type: 'interrupted'; readonly status: SignalStatus };

/** How often progress is drawn; without progress one call waits as long as it may. */
const DRAW_MS = 250;
const WAIT_MS = 60_000;

/**
 * Signals are heard from before the job exists: one that comes while it is made still cancels it.
 * @throws UserError with the job's own code if it failed; timed_out
 */
export async function follow(call: Invocation, api: Api, begin: () => Promise<Job>): Promise<Followed> {
  const progress = chooseProgress(call);
  const deadline = performance.now() + (call.durationMs('timeout') ?? Infinity);
  const interrupted = Promise.withResolvers<SignalStatus>();
  const release = onStopSignal(interrupted.resolve);
  try {
    for (let job = await begin(); ;) {
      progress.show(job);
      if (job.state !== 'running') return { type: 'finished', job: finished(job) };
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new UserError('timed_out', `job ${job.id} is not done yet`);
      const timeoutMs = Math.ceil(Math.min(leftMs, progress.isShown ? DRAW_MS : WAIT_MS));
      const next = await Promise.race([
        interrupted.promise,
        api.call('request.wait', { id: job.id, timeoutMs }),
      ]);
      if (typeof next === 'number') {
        await cancel(api, job);
        progress.end();
        say(call.io, `mimeo: job ${job.id} is cancelled`);
        return { type: 'interrupted', status: next };
      }
      job = next;
    }
  } finally {
    progress.end();
    release();
  }
}

async function cancel(api: Api, job: Job): Promise<void> {
  try {
    await api.call('request.cancel', { id: job.id });
  } catch (error) {
    // A daemon that has gone meanwhile has cancelled it too.
    if (!(error instanceof UserError)) throw error;
  }
}

function finished(job: Job): Job {
  if (job.state === 'cancelled') throw new UserError('cancelled', `job ${job.id} was cancelled`);
  if (job.error === undefined) return job;
  throw new UserError(isErrorCode(job.error.code) ? job.error.code : 'failed', job.error.message);
}
