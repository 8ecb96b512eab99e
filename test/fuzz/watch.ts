/**
 * Runs a target in a child process with bounded memory, and ends one that stands still. Whatever becomes of the child, the
 * answer is a report; a failure names the input that caused it.
 *
 * Invariant: nothing stays behind, neither process nor file.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fuzzLimits } from './limits.ts';
import { readRecord } from './record.ts';

export interface Task {
  readonly target: string;
  readonly seed: number;
  readonly count: number;
  /** Hexadecimal: this input first, in place of the corpus. */
  readonly input?: string;
  readonly stallMs?: number;
}

export interface ChildTask extends Task {
  readonly record: string;
}

export interface ChildReport {
  readonly executions: number;
  readonly accepted: number;
  readonly kept: number;
  readonly peakRssBytes: number;
  /** Above what the child had before its first input. */
  readonly grownBytes: number;
  readonly finding: { readonly what: string; readonly stack: string; readonly hex: string } | undefined;
}

export interface Report extends Partial<ChildReport> {
  readonly target: string;
  readonly seed: number;
  readonly finding: ChildReport['finding'];
}

const CHILD = new URL('./child.ts', import.meta.url);

export async function watch(task: Task): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'mimeo-fuzz-'));
  try {
    return await watchIn(folder, task);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function watchIn(folder: string, task: Task): Promise<Report> {
  const { target, seed } = task;
  const record = join(folder, 'record');
  const { child, output } = start({ ...task, record }, folder);
  const stall = endWhenStill(child, { record, stallMs: task.stallMs ?? fuzzLimits.stallMs.value });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  const hung = stall.stop();
  if (code === 0 && !hung) {
    const report = JSON.parse(output.stdout) as ChildReport;
    const grew = report.finding === undefined && report.grownBytes > fuzzLimits.growthBytes.value;
    const finding = grew
      ? { what: `resident memory grew by ${report.grownBytes} bytes`, stack: '', hex: '' }
      : report.finding;
    return { target, seed, ...report, finding };
  }
  const last = readRecord(record);
  const hex = Buffer.from(last?.input ?? []).toString('hex');
  const what = hung ? 'hang: no input was finished any more' : `the process died: ${signal ?? code}`;
  return { target, seed, executions: last?.count ?? 0, finding: { what, stack: output.stderr, hex } };
}

function start(task: ChildTask, folder: string) {
  const memory = [
    `--max-old-space-size=${fuzzLimits.heapMegabytes.value}`,
    `--max-semi-space-size=${fuzzLimits.youngMegabytes.value}`,
  ];
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    [...memory, fileURLToPath(CHILD)],
    // What a target writes lies in the folder that is removed, even if it is killed.
    { env: { ...env, TMPDIR: folder }, stdio: 'pipe' },
  );
  // By standard input: an argument may not be as long as an input in hexadecimal.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(task));
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => {
    output.stdout += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    output.stderr = (output.stderr + text.toString()).slice(-4_096);
  });
  return { child, output };
}

/** Kills the child when the count in its record has not moved for `stallMs`. */
function endWhenStill(child: ChildProcess, { record, stallMs }: { record: string; stallMs: number }) {
  let hung = false;
  let last = { count: -1, polls: 0 };
  const timer = setInterval(() => {
    const count = readRecord(record)?.count ?? -1;
    // Polls are counted, not milliseconds: while this process is kept from running, the child is not blamed.
    last = count === last.count ? { count, polls: last.polls + 1 } : { count, polls: 0 };
    const patience = count < 0 ? fuzzLimits.stallMs.value : stallMs;
    if (last.polls * fuzzLimits.pollMs.value < patience) return;
    hung = true;
    child.kill('SIGKILL');
  }, fuzzLimits.pollMs.value);
  return {
    /** @returns whether it was ended. */
    stop: (): boolean => {
      clearInterval(timer);
      return hung;
    },
  };
}
