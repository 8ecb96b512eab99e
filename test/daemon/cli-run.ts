/** One command line in this process, with streams that are kept. Nothing of the environment of the tests reaches it. */
import { Readable, Writable } from 'node:stream';
import type { Environment } from '../../daemon/config/data-dir.ts';
import { runCli } from '../../daemon/cli/run.ts';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env?: Environment;
  readonly stdin?: string;
  readonly columns?: number;
  /** What a person answers at the terminal, in order. */
  readonly secrets?: readonly string[];
  /** Where the questions go. */
  readonly asked?: string[];
}

export async function run(argv: readonly string[], given: Surroundings): Promise<Ran> {
  const [stdout, stderr] = [new Kept(), new Kept()];
  const { secrets, asked } = given;
  const askSecrets = async (questions: readonly string[]): Promise<string[]> => {
    asked?.push(...questions);
    return (secrets ?? []).slice(0, questions.length);
  };
  const status = await runCli(argv, {
    stdin: Readable.from(given.stdin === undefined ? [] : [Buffer.from(given.stdin)]),
    stdout,
    stderr,
    terminalColumns: () => given.columns,
    askSecrets: secrets === undefined ? undefined : askSecrets,
    env: { HOME: given.cwd, ...given.env },
    cwd: given.cwd,
  });
  return { status, stdout: stdout.text, stderr: stderr.text };
}

class Kept extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}
