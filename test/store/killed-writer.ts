/** A real process that writes blocks and is killed with -9 in the middle. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Blocks that a writer has given to the store and not yet been told of. */
export const IN_FLIGHT = 24;

interface Run {
  readonly directory: string;
  readonly sizeBytes: number;
  readonly firstNumber: number;
  readonly killAfter: number;
}

/** Kills the writer once it has reported `killAfter` blocks, and gives the numbers of all that it reported until it was dead. */
export async function writeAndKill({ directory, sizeBytes, firstNumber, killAfter }: Run): Promise<number[]> {
  const writer = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    [writer, directory, String(sizeBytes), String(firstNumber), String(IN_FLIGHT)],
    // tap's loader in NODE_OPTIONS has no business in the child.
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
  );
  let reported = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    reported += text;
    if (reported.split('\n').length > killAfter) child.kill('SIGKILL');
  });
  const [code, signal] = await once(child, 'close');
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself with ${String(code)}`);
  // The last line may be cut.
  return reported.split('\n').slice(0, -1).map(Number);
}
