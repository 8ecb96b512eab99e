/**
 * From a command line to an exit status: builds the parser from the table, prints help, runs the command, says what failed.
 *
 * Invariant: stdout gets results only. Every failure is one line on stderr, `mimeo: what failed (code). hint`, and the exit
 * status of its code; what is no expected failure is a bug and is thrown on, with its stack.
 */
import { Command, CommanderError } from 'commander';
import { commands, dataDirOption, type CommandSpec } from './commands.ts';
import { commandHelp, groupHelp, overview } from './help.ts';
import { plain, printLine, say, type Io } from './io.ts';
import type { OptionValues } from './invocation.ts';

export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const asked = readHelp(argv);
  if (asked.type === 'help') {
    (asked.status === 0 ? io.stdout : io.stderr).write(asked.text);
    return asked.status;
  }
  try {
    return await runCommand(asked.argv, io);
  } catch (error) {
    return report(error, io);
  }
}

/** Status 0 where help was asked for, 2 where a command was missing. */
type Asked =
  | { readonly type: 'help'; readonly text: string; readonly status: 0 | 2 }
  | { readonly type: 'command'; readonly argv: readonly string[] };

function readHelp(argv: readonly string[]): Asked {
  const operandsEnd = argv.indexOf('--');
  const line = operandsEnd < 0 ? argv : argv.slice(0, operandsEnd);
  const isAsked = line[0] === 'help' || line.includes('--help') || line.includes('-h');
  const status = isAsked ? 0 : 2;
  const words = (line[0] === 'help' ? line.slice(1) : line).filter((word) => !word.startsWith('-'));
  if (argv.length === 0 || (isAsked && words.length === 0)) return { type: 'help', text: overview(), status };
  const spec = commands.find(({ name }) => name === words[0] || name === `${words[0]} ${words[1]}`);
  if (isAsked && spec !== undefined) return { type: 'help', text: commandHelp(spec), status };
  const group = words.length === 1 ? commands.filter(({ name }) => name.startsWith(`${words[0]} `)) : [];
  if (group.length > 0) return { type: 'help', text: groupHelp(group), status };
  // Help for what does not exist: the parser says so.
  return { type: 'command', argv: isAsked ? words : argv };
}

async function runCommand(argv: readonly string[], io: Io): Promise<number> {
  if (argv[0] === '--version' || argv[0] === '-V') {
    const { packageVersion } = await import('../config/version.ts');
    printLine(io, packageVersion());
    return 0;
  }
  let status = 0;
  const program = buildParser(async (spec, line) => {
    const [run, { Invocation }] = await Promise.all([spec.load(), import('./invocation.ts')]);
    status = await run(new Invocation(io, line));
  });
  await program.parseAsync(argv, { from: 'user' });
  return status;
}

interface Line {
  readonly operands: readonly string[];
  readonly options: OptionValues;
}

function buildParser(run: (spec: CommandSpec, line: Line) => Promise<void>): Command {
  const program = quiet(new Command('mimeo'));
  // Recognised before and after the command.
  program.option(dataDirOption.form, dataDirOption.summary);
  const groups = new Map<string, Command>();
  for (const spec of commands) {
    const [first = '', second] = spec.name.split(' ');
    let parent = program;
    if (second !== undefined) {
      parent = groups.get(first) ?? quiet(program.command(first));
      groups.set(first, parent);
    }
    const command = quiet(parent.command(second ?? first));
    for (const { form } of spec.operands) command.argument(form);
    for (const { form, summary } of spec.options) command.option(form, summary);
    command.action(() => run(spec, { operands: command.args, options: command.optsWithGlobals() }));
  }
  return program;
}

/** Failures are thrown and said in one place; help is ours. */
function quiet(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ outputError: () => undefined, writeErr: () => undefined })
    .helpOption(false)
    .helpCommand(false);
}

async function report(error: unknown, io: Io): Promise<number> {
  const { UserError } = await import('../../client/index.ts');
  const { asUserError } = await import('../rpc/errors.ts');
  const shown =
    error instanceof CommanderError ? new UserError('usage', usageMessage(error)) : asUserError(error);
  if (shown === undefined) throw error;
  say(io, `mimeo: ${plain(shown.message)} (${shown.code}). ${shown.info.hint}`);
  return shown.info.exit;
}

/** Commander says `error: unknown command 'gte'` and `(Did you mean get?)` on two lines. */
function usageMessage(error: CommanderError): string {
  if (error.code === 'commander.help') return 'a command is missing';
  const [what = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const meant = suggestion === undefined ? '' : `; did${suggestion.replace(/^\(Did/, '').replace(/\)$/, '')}`;
  return what.replace(/\.$/, '') + meant;
}
