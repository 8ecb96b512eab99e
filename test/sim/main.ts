/** `npm run sim -- --scenario smallworld --nodes 1000 --seed 7 [--json]`; docs/spec/simulator.md, 5, has all options. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { getHeapStatistics } from 'node:v8';
import { parseArgs } from 'node:util';
import { type Report, runScenario, scenarios } from './run.ts';
import type { ScenarioOptions } from './scenario.ts';
import { Tracer, spies } from './trace.ts';

const USAGE = [
  'usage: npm run sim -- --scenario NAME [--nodes N] [--seed N] [--fetches N] [--keys N] [--network smallworld|grown]',
  '       [--death knownAtOnce|silent] [--cell NAME] [--check] [--trace FILE --spies n1,n2,…|f=SHARE] [--json]',
].join('\n');

/** More nodes than this need more memory than Node takes by itself. */
const LARGE = 20_000;
const HEAP_MIB = 20_000;
/** Lines of a trace are written in pieces. */
const PIECE_CHARS = 1 << 20;

class UsageError extends Error {}

function main(): number {
  try {
    const { values } = parseArgs({
      options: {
        scenario: { type: 'string', default: 'smallworld' },
        nodes: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        fetches: { type: 'string' },
        keys: { type: 'string' },
        cell: { type: 'string' },
        network: { type: 'string', default: 'smallworld' },
        death: { type: 'string', default: 'knownAtOnce' },
        check: { type: 'boolean', default: false },
        trace: { type: 'string' },
        spies: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    return run(values);
  } catch (error) {
    const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
    if (isUsage) return refuse(error.message);
    throw error;
  }
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

function run(values: Values): number {
  const nodes = whole(values, 'nodes', { from: 6, to: 1_000_000 });
  const seed = whole(values, 'seed', { from: 0, to: 0xffff_ffff });
  const { network, death, trace } = values;
  if (network !== 'smallworld' && network !== 'grown')
    throw new UsageError('--network takes smallworld or grown');
  if (death !== 'knownAtOnce' && death !== 'silent')
    throw new UsageError('--death takes knownAtOnce or silent');
  const scenario = String(values['scenario']);
  if (!Object.hasOwn(scenarios, scenario)) throw new UsageError(`no scenario ${scenario}`);
  const { cell } = values;
  if (typeof cell === 'string' && scenarios[scenario]?.cells?.includes(cell) !== true)
    throw new UsageError(`--cell: ${scenario} has no cell ${cell}`);
  if (nodes > LARGE && getHeapStatistics().heap_size_limit < HEAP_MIB * 2 ** 20) return again();
  const traced =
    typeof trace === 'string' ? traceTo(trace, { text: values['spies'], nodes, seed }) : undefined;
  const options: ScenarioOptions = {
    nodes,
    seed,
    network,
    death,
    ...(values['fetches'] === undefined ? {} : { fetches: whole(values, 'fetches', { from: 1, to: 1e9 }) }),
    ...(values['keys'] === undefined ? {} : { keys: whole(values, 'keys', { from: 1, to: 1e9 }) }),
    ...(typeof values['cell'] === 'string' ? { cell: values['cell'] } : {}),
    ...(values['check'] === true ? { check: 'checked' } : {}),
    ...(traced === undefined ? {} : { observers: [traced.tracer], onTruth: traced.onTruth }),
  };
  const ran = runScenario(scenario, options);
  traced?.close();
  if (ran === undefined) throw new UsageError(`no scenario ${scenario}`);
  const { report, breaches } = ran;
  for (const { rule, at, node, what } of breaches)
    process.stderr.write(`breach of ${rule} at ${at} ms, node ${node}: ${what}\n`);
  if (values['json'] === true) process.stdout.write(`${JSON.stringify(report)}\n`);
  else print(report);
  return breaches.length === 0 ? 0 : 1;
}

/** The same in a process that may take more memory: a limit is set when a process begins. */
function again(): number {
  const args = [`--max-old-space-size=${HEAP_MIB}`, ...process.argv.slice(1)];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

function print({ metrics, ...run }: Report): void {
  for (const [name, value] of Object.entries({ ...run, ...metrics })) {
    const shown = typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value;
    process.stdout.write(`${name.padEnd(28)}${shown}\n`);
  }
}

function whole(values: Values, name: string, range: { from: number; to: number }): number {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < range.from || number > range.to)
    throw new UsageError(`--${name} takes a whole number from ${range.from} to ${range.to}`);
  return number;
}

function traceTo(
  file: string,
  who: { text: string | boolean | undefined; nodes: number; seed: number },
): { tracer: Tracer; onTruth: (line: string) => void; close: () => void } {
  const seen = typeof who.text === 'string' ? spies(who.text, who) : undefined;
  if (seen === undefined) throw new UsageError('--trace needs --spies: numbers of nodes, or f= and a share');
  const [sightings, truth] = [lineFile(file), lineFile(`${file}.truth`)];
  const close = (): void => {
    sightings.close();
    truth.close();
  };
  return {
    tracer: new Tracer({ isSpy: (node) => seen.has(node), write: sightings.write }),
    onTruth: truth.write,
    close,
  };
}

function lineFile(path: string): { write: (line: string) => void; close: () => void } {
  const file = openSync(path, 'w');
  let lines: string[] = [];
  let chars = 0;
  const flush = (): void => {
    if (lines.length > 0) writeSync(file, `${lines.join('\n')}\n`);
    lines = [];
    chars = 0;
  };
  return {
    write: (line) => {
      lines.push(line);
      chars += line.length;
      if (chars > PIECE_CHARS) flush();
    },
    close: () => {
      flush();
      closeSync(file);
    },
  };
}

function refuse(what: string): number {
  const list = Object.entries(scenarios).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
  process.stderr.write(`${[what, USAGE, ...list].join('\n')}\n`);
  return 2;
}

process.exitCode = main();
