/**
 * Where a passphrase comes from: a file, stdin, or a person at a terminal that does not show it. Never from an argument or a
 * variable, which other processes can read. Whether it is a good one is decided in node/passphrase.ts.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable, type Readable } from 'node:stream';
import { UserError } from '../../client/index.ts';
import type { Environment } from '../config/data-dir.ts';

/** Asks one after the other. @throws UserError cancelled at Ctrl-C or the end of the input */
export type AskSecrets = (questions: readonly string[]) => Promise<string[]>;

/** Beyond the longest passphrase: what is longer was not meant. */
const MOST_BYTES = 4_096;

/** One line; its newline does not belong to it. `-` is stdin. @throws UserError source_unreadable, bad_passphrase */
export async function readPassphraseFile(path: string, stdin: Readable): Promise<string> {
  const bytes = path === '-' ? await readStream(stdin) : readFile(path);
  const where = path === '-' ? 'stdin' : path;
  if (bytes.length > MOST_BYTES)
    throw new UserError(
      'bad_passphrase',
      `${where} has more than ${MOST_BYTES} bytes: that is no passphrase`,
    );
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
    bytes.fill(0);
    return text;
  } catch (error) {
    throw new UserError('bad_passphrase', `${where} is not text`, { cause: error });
  }
}

/** systemd.exec(5), LoadCredential=mimeo-passphrase. */
export function passphraseCredential(env: Environment): string | undefined {
  const directory = env['CREDENTIALS_DIRECTORY'];
  if (directory === undefined || directory === '') return undefined;
  const path = join(directory, 'mimeo-passphrase');
  return existsSync(path) ? path : undefined;
}

/** On a terminal: nothing of the answers is shown. */
export async function askOnTerminal(
  questions: readonly string[],
  { input, output }: { input: Readable; output: Writable },
): Promise<string[]> {
  // The line editor echoes into nothing: it sets the terminal to raw mode itself and keeps no history.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const editor = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
  const answers: string[] = [];
  const done = Promise.withResolvers<void>();
  editor.on('line', (line) => {
    output.write('\n');
    answers.push(line);
    const next = questions[answers.length];
    if (next === undefined) done.resolve();
    else output.write(next);
  });
  const stopped = (): void => {
    done.reject(new UserError('cancelled', 'no passphrase was given'));
  };
  editor.on('SIGINT', stopped);
  editor.on('close', stopped);
  output.write(questions[0] ?? '');
  try {
    await done.promise;
    return answers;
  } catch (error) {
    output.write('\n');
    throw error;
  } finally {
    editor.close();
  }
}

function readFile(path: string): Buffer {
  try {
    // By descriptor and bounded: it may be a pipe of the shell, or a device that never ends.
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(MOST_BYTES + 1);
      let length = 0;
      for (let read = 1; read > 0 && length < bytes.length; length += read)
        read = readSync(file, bytes, length, bytes.length - length, null);
      return bytes.subarray(0, length);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UserError('source_unreadable', `can't read the passphrase from ${path}: ${code}`, {
      cause: error,
    });
  }
}

async function readStream(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Uint8Array);
    chunks.push(bytes);
    sizeBytes += bytes.length;
    if (sizeBytes > MOST_BYTES) break;
  }
  return Buffer.concat(chunks);
}
