/** The streams and surroundings of one command. The result goes to stdout, everything that is said to a person to stderr. */
import type { Readable, Writable } from 'node:stream';
import type { Environment } from '../config/data-dir.ts';
import type { AskSecrets } from './passphrase.ts';

export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Columns of the terminal on stderr; undefined where it is none. */
  readonly terminalColumns: () => number | undefined;
  /** Undefined where there is nobody to ask. */
  readonly askSecrets: AskSecrets | undefined;
  readonly env: Environment;
  readonly cwd: string;
}

export function systemIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  // The reader has seen enough (`mimeo queue list | head -1`): nobody is left to tell.
  stdout.on('error', () => process.exit(1));
  return {
    stdin,
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    terminalColumns: () => (stderr.isTTY ? stderr.columns : undefined),
    // On stderr, because stdout is for results and may lead into a file.
    askSecrets:
      stdin.isTTY && stderr.isTTY
        ? async (questions) =>
            (await import('./passphrase.ts')).askOnTerminal(questions, { input: stdin, output: stderr })
        : undefined,
  };
}

export function printLine(io: Io, line: string): void {
  io.stdout.write(`${line}\n`);
}

export function printJson(io: Io, value: unknown): void {
  printLine(io, JSON.stringify(value, undefined, 2));
}

export function say(io: Io, line: string): void {
  io.stderr.write(`${line}\n`);
}

/** Columns as wide as their longest cell; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

/** What a program or a network sent, for a terminal: no control characters, which could move the cursor or rewrite lines. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}|\p{Bidi_Control}/gu, '\u{FFFD}');
}

/** Standard input as one trimmed line of text. */
export async function readText(io: Io): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of io.stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    sizeBytes += bytes.length;
    // A key or a reference; what is longer is refused by its parser, so the rest need not be read.
    if (sizeBytes > 65_536) break;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8').trim();
}
