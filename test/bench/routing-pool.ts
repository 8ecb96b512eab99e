/** Some tasks at a time, each in a process of its own that is killed when its time is up. */
import { type ChildProcess, type Serializable, fork } from 'node:child_process';
import type { Outcome } from './routing-verdict.ts';
import type { Answer, Task } from './routing-worker.ts';

const WORKER = new URL('./routing-worker.ts', import.meta.url);

export interface Job<What = Task> {
  readonly name: string;
  readonly task: What;
  readonly budgetSeconds: number;
  readonly heapMiB: number;
  /** The job of this name ends before it begins. */
  readonly needs?: string;
}

/**
 * `lanes` at a time, in the order given but for those that need one that has not ended. After `untilMs` (of performance.now()) nothing
 * more begins, and what runs is ended.
 */
export async function runJobs<What = Task>(
  jobs: readonly Job<What>[],
  options: {
    lanes: number;
    untilMs: number;
    onDone: (job: Job<What>, outcome: Outcome) => void;
    /** Who performs the tasks; the routing bench's unless given. */
    worker?: URL;
  },
): Promise<void> {
  const { lanes, untilMs, onDone, worker = WORKER } = options;
  const waiting = [...jobs];
  /** Jobs that have not ended, with who waits for each. */
  const open = new Map(jobs.map(({ name }) => [name, Promise.withResolvers<void>()]));
  const next = async (): Promise<Job<What> | undefined> => {
    for (;;) {
      const index = waiting.findIndex(({ needs }) => needs === undefined || !open.has(needs));
      if (index >= 0) return waiting.splice(index, 1)[0];
      const needed = waiting.flatMap(({ needs = '' }) => open.get(needs)?.promise ?? []);
      if (needed.length === 0) return undefined;
      await Promise.race(needed);
    }
  };
  const lane = async (): Promise<void> => {
    for (let job = await next(); job !== undefined; job = await next()) {
      const left = untilMs - performance.now();
      onDone(job, left <= 0 ? late : await runJob(job, { leftMs: left, running, worker }));
      const ended = open.get(job.name);
      open.delete(job.name);
      ended?.resolve();
    }
  };
  const running = new Set<ChildProcess>();
  // A worker that computes does not notice that nobody waits for it any more.
  const stop = (): never => {
    for (const child of running) child.kill('SIGKILL');
    process.exit(STOPPED);
  };
  process.once('SIGTERM', stop);
  await Promise.all(Array.from({ length: lanes }, lane));
  process.off('SIGTERM', stop);
}

const late: Outcome = { type: 'not measured', why: 'the time of the whole bench was up' };

async function runJob(
  { task, budgetSeconds, heapMiB }: Job<unknown>,
  how: { leftMs: number; running: Set<ChildProcess>; worker: URL },
): Promise<Outcome> {
  const { leftMs, running, worker } = how;
  const began = performance.now();
  const budgetMs = Math.min(budgetSeconds * 1_000, leftMs);
  const child = fork(worker, {
    execArgv: [...process.execArgv, `--max-old-space-size=${heapMiB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let answer: Answer | undefined;
  let isLate = false;
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(-COMPLAINT_CHARS);
  });
  child.once('message', (message: Answer) => (answer = message));
  child.send(task as Serializable);
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, budgetMs);
  running.add(child);
  const ended = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });
  clearTimeout(timer);
  running.delete(child);
  const seconds = (performance.now() - began) / 1_000;
  if (answer?.type === 'measured') return { ...answer, seconds };
  if (answer !== undefined) return answer;
  if (isLate) return { type: 'not measured', why: `not done in ${Math.round(budgetMs / 1_000)} s` };
  return { type: 'not measured', why: [ended, ...reasonIn(complaint)].join(': ') };
}

/** As a shell says it of SIGTERM. */
const STOPPED = 143;

const COMPLAINT_CHARS = 4_000;

function reasonIn(complaint: string): string[] {
  const line = complaint.split('\n').find((text) => /Error|FATAL/u.test(text));
  return line === undefined ? [] : [line.trim()];
}
