/** A person's home with the real command `mimeo` in it: real processes, nothing of the environment of the tests. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { readDaemonFile } from '../../daemon/config/daemon-file.ts';
import { lockHolder } from '../../daemon/config/lock.ts';
import { type ApiConnection, connectApi } from '../../daemon/rpc/client.ts';
import { freshDir } from './rpc-served.ts';

export const launcher = join(import.meta.dirname, '..', '..', 'daemon', 'mimeo.js');

export interface Ended {
  /** Undefined where a signal ended it. */
  readonly status: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export class Home {
  readonly directory: string;
  readonly dataDir: string;
  readonly #t: Test;
  /** Beside HOME and PATH, for every command from now on. Links are those that the test makes. */
  readonly env: Record<string, string> = { MIMEO_STRANGERS: 'none' };

  /** Its daemon, if one is left, ends with the test. */
  constructor(t: Test) {
    this.#t = t;
    this.directory = freshDir(t);
    this.dataDir = join(this.directory, '.local/share/mimeo');
    t.teardown(async () => {
      const pid = lockHolder(this.dataDir);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      while (lockHolder(this.dataDir) !== undefined) await sleep(10);
    });
  }

  spawn(args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
    const env = { PATH: process.env['PATH'], HOME: this.directory, ...this.env };
    return spawn(process.execPath, [launcher, ...args], {
      env,
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async mimeo(...args: string[]): Promise<Ended> {
    return ended(this.spawn(args));
  }

  /** `mimeo start` with ports of its own. */
  async start(...args: string[]): Promise<Ended> {
    const ports = ['--listen', '127.0.0.1:0', '--fproxy-listen', '127.0.0.1:0'];
    return this.mimeo('start', ...ports, '--store-size', '64MiB', '--network', 'testnet', ...args);
  }

  /** A daemon in the foreground that is ready, or has ended. */
  async daemon(
    ...args: string[]
  ): Promise<{ readonly pid: number | undefined; readonly ended: Promise<Ended> }> {
    const ports = ['--listen', '127.0.0.1:0', '--fproxy-listen', '127.0.0.1:0'];
    const child = this.spawn(['daemon', ...ports, '--store-size', '64MiB', '--network', 'testnet', ...args]);
    const end = ended(child);
    while (readDaemonFile(this.dataDir)?.pid !== child.pid && child.exitCode === null) await sleep(10);
    return { pid: child.pid, ended: end };
  }

  async api(): Promise<ApiConnection> {
    const api = await connectApi(this.dataDir);
    this.#t.teardown(() => api.close());
    return api;
  }

  /** Origin of the web interface. */
  get web(): string {
    return readDaemonFile(this.dataDir)?.fproxy ?? '';
  }

  get holder(): number | undefined {
    return lockHolder(this.dataDir);
  }

  /** A file in the home. @returns its path */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }
}

async function ended(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Ended> {
  const [stdout, stderr, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null, string | null]>,
  ]);
  return { status: status ?? undefined, signal: signal ?? undefined, stdout, stderr };
}
