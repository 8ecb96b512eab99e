/**
 * `node test/fuzz/main.ts --target cbor --seed 7 --count 100000`: one line of JSON, and exit status 1 when something was found.
 * `--input HEX` runs one input again, `--input -` reads it from standard input.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { targets } from './targets.ts';
import { watch } from './watch.ts';

const USAGE = 'usage: node test/fuzz/main.ts --target NAME [--seed N] [--count N] [--input HEX|-]';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', default: '' },
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '100000' },
      input: { type: 'string' },
    },
  });
  const [seed, count] = [Number(values.seed), Number(values.count)];
  const isKnown = targets.some(({ name }) => name === values.target);
  if (!isKnown || !Number.isInteger(seed) || !Number.isInteger(count) || count < 1) {
    const list = targets.map(({ name, promise }) => `  ${name.padEnd(12)}${promise}`);
    process.stderr.write(`${[USAGE, ...list].join('\n')}\n`);
    return 2;
  }
  const input = values.input === '-' ? readFileSync(0, 'utf8').trim() : values.input;
  const report = await watch(
    input === undefined
      ? { target: values.target, seed, count }
      : { target: values.target, seed, count: 1, input },
  );
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.finding === undefined ? 0 : 1;
}

process.exitCode = await main();
