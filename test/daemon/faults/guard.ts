/**
 * Ends the daemons of a test when the test itself is killed and can tear down nothing: a shell that holds the other end of a pipe, is told
 * which processes are on, and kills what is left of them when the pipe ends. It knows nothing but their ids.
 *
 * Invariant: an id is with the guard from just after its process has started until it has ended, so nobody else's is killed.
 */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { Test } from 'tap';

const SCRIPT = `
  on=
  while read -r what pid; do
    left=
    for each in $on; do [ "$each" = "$pid" ] || left="$left $each"; done
    on=$left
    [ "$what" = ended ] || on="$on $pid"
  done
  [ -z "$on" ] || kill -9 $on`;

export class Guard {
  readonly #pipe: Writable;

  constructor(t: Test) {
    // Of a session of its own: a signal for all processes of the runner is none for it.
    const shell = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    shell.unref();
    this.#pipe = shell.stdin;
    t.teardown(() => void this.#pipe.end());
  }

  started(pid: number): void {
    this.#pipe.write(`started ${pid}\n`);
  }

  ended(pid: number): void {
    if (!this.#pipe.writableEnded) this.#pipe.write(`ended ${pid}\n`);
  }
}
