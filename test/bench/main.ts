/**
 * `npm run bench -- NAME [--json] [--nodes N]`: runs one bench; `routing` and `anonymity` have options and tables of their own. JSON
 * or a table on stdout, everything else on stderr; exit status 0 when it ran, whatever it measured, 2 for wrong usage.
 */
import { parseArgs } from 'node:util';
import * as anonymity from './anonymity.ts';
import * as crypto from './crypto.ts';
import * as link from './link.ts';
import * as network from './network.ts';
import * as routing from './routing.ts';
import * as store from './store.ts';
import { type Bench, machine, toTable } from './harness.ts';

const benches: Readonly<Record<string, Bench>> = { crypto, link, network, store };

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  if (args.includes('anonymity')) return anonymity.main(args.filter((arg) => arg !== 'anonymity'));
  if (args.includes('routing')) return routing.main(args.filter((arg) => arg !== 'routing'));
  const names = [...Object.keys(benches), 'routing', 'anonymity'].join(', ');
  const usage = `usage: npm run bench -- NAME [--json] [--nodes N], with NAME one of: ${names}`;
  const parsed = parse(args);
  if (!parsed) {
    process.stderr.write(`${usage}\n`);
    return 2;
  }
  const { name, json, nodes } = parsed;
  const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (!bench) {
    process.stderr.write(`no bench is called "${name}"\n${usage}\n`);
    return 2;
  }
  const rows = await bench.run({ nodes });
  const result = { bench: name, machine: machine(), rows };
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${result.machine}\n${toTable(rows)}\n`);
  return 0;
}

function parse(args: string[]): { name: string; json: boolean; nodes: number | undefined } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, nodes: { type: 'string' } },
    });
    const [name, ...more] = positionals;
    const nodes = values.nodes === undefined ? undefined : Number(values.nodes);
    if (name === undefined || more.length > 0) return undefined;
    if (nodes !== undefined && !(Number.isSafeInteger(nodes) && nodes > 0)) return undefined;
    return { name, json: values.json, nodes };
  } catch {
    return undefined;
  }
}
