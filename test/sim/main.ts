/** `npm run sim -- --scenario smallworld --nodes 1000 --seed 7 [--json]` */
import { parseArgs } from 'node:util';
import { runScenario, scenarios } from './run.ts';

const USAGE = 'usage: npm run sim -- --scenario NAME [--nodes N] [--seed N] [--json]';

function main(): number {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        scenario: { type: 'string', default: 'smallworld' },
        nodes: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
  const nodes = Number(values.nodes);
  const seed = Number(values.seed);
  if (!Number.isInteger(nodes) || nodes < 6 || nodes > 1_000_000)
    return refuse('--nodes takes a whole number from 6 to 1000000');
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff)
    return refuse('--seed takes a whole number from 0 to 4294967295');
  const report = runScenario(values.scenario, { nodes, seed });
  if (report === undefined) return refuse(`no scenario ${values.scenario}`);
  if (values.json) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return 0;
  }
  const { metrics, ...run } = report;
  for (const [name, value] of Object.entries({ ...run, ...metrics })) {
    const shown = typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value;
    process.stdout.write(`${name.padEnd(22)}${shown}\n`);
  }
  return 0;
}

function refuse(what: string): number {
  const list = Object.entries(scenarios).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
  process.stderr.write(`${[what, USAGE, ...list].join('\n')}\n`);
  return 2;
}

process.exitCode = main();
