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
  const help = helpFor(argv);
  if (help !== undefined) {
    (help.status === 0 ? io.stdout : io.stderr).write(help.text);
    return help.status;
  }
  try {
    return await runCommand(argv, io);
  } catch (error) {
    return report(error, io);
  }
}

interface Help {
  readonly text: string;
  /** 0 where help was asked for, 2 where a command was missing. */
  readonly status: 0 | 2;
}

function helpFor(argv: readonly string[]): Help | undefined {
  const operandsEnd = argv.indexOf('--');
  const line = operandsEnd < 0 ? argv : argv.slice(0, operandsEnd);
  const asked = line[0] === 'help' || line.includes('--help') || line.includes('-h');
  const words = (line[0] === 'help' ? line.slice(1) : line).filter((word) => !word.startsWith('-'));
  if (words.length === 0)
    return asked
      ? { text: overview(), status: 0 }
      : line.length === 0
        ? { text: overview(), status: 2 }
        : undefined;
  const spec = commands.find(({ name }) => name === words[0] || name === `${words[0]} ${words[1]}`);
  if (spec !== undefined) return asked ? { text: commandHelp(spec), status: 0 } : undefined;
  const group = words.length === 1 ? commands.filter(({ name }) => name.startsWith(`${words[0]} `)) : [];
  return group.length === 0 ? undefined : { text: groupHelp(group), status: asked ? 0 : 2 };
}

async function runCommand(argv: readonly string[], io: Io): Promise<number> {
  let status = 0;
  const program = buildParser(async (spec, line) => {
    const [run, { Invocation }] = await Promise.all([spec.load(), import('./invocation.ts')]);
    status = await run(new Invocation(io, line));
  });
  if (argv[0] === '--version' || argv[0] === '-V') {
    const { packageVersion } = await import('../config/version.ts');
    printLine(io, packageVersion());
    return 0;
  }
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
    .configureOutput({ outputError: () => undefined })
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
  const [what = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const meant = suggestion === undefined ? '' : `; did${suggestion.replace(/^\(Did/, '').replace(/\)$/, '')}`;
  return what.replace(/\.$/, '') + meant;
}
