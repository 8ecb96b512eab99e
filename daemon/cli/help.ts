/** The texts of `mimeo help`, made from the table. Widths are fixed, so that a text is the same on every terminal and in a file. */
import { commands, dataDirOption, type CommandSpec } from './commands.ts';
import { exitStatuses } from './exit.ts';
import { table } from './io.ts';

export function overview(): string {
  const rows = commands.map((spec) => [`  ${spec.name}`, spec.summary]);
  return [
    'Usage: mimeo COMMAND [ARGUMENTS] [OPTIONS]',
    '',
    'Anonymous, censorship-resistant storage: every node a page passes runs off a copy.',
    '',
    table(rows),
    '',
    '`mimeo help COMMAND` has the details; `mimeo --version` prints the version.',
    '',
  ].join('\n');
}

/** The commands that begin with a word: `mimeo help key`. */
export function groupHelp(specs: readonly CommandSpec[]): string {
  return [
    'Usage:',
    ...specs.map((spec) => `  ${usage(spec)}`),
    '',
    table(specs.map((spec) => [`  ${spec.name}`, spec.summary])),
    '',
  ].join('\n');
}

export function commandHelp(spec: CommandSpec): string {
  const options = [...spec.options, dataDirOption];
  const exits = [0, 1, 2, ...spec.exits].sort((a, b) => a - b);
  return [
    `Usage: ${usage(spec)}`,
    '',
    spec.summary,
    ...section(
      'Arguments',
      spec.operands.map(({ form, summary }) => [bare(form), summary]),
    ),
    ...section(
      'Options',
      options.map(({ form, summary }) => [form, summary]),
    ),
    ...section(
      'Examples',
      spec.examples.map((example) => [example]),
    ),
    ...section(
      'Exit status',
      exits.map((status) => [String(status), exitStatuses.get(status) ?? '']),
    ),
    '',
  ].join('\n');
}

function usage(spec: CommandSpec): string {
  const operands = spec.operands.map(({ form }) => (form.startsWith('<') ? bare(form) : form));
  return ['mimeo', spec.name, ...operands, '[OPTIONS]'].join(' ');
}

function bare(form: string): string {
  return form.slice(1, -1);
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return ['', `${title}:`, table(rows.map(([first, ...rest]) => [`  ${first}`, ...rest]))];
}
