/** The fuzzer itself: it finds what is planted, finds nothing where nothing is, says the same for the same seed, and outlives its children. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { fuzz, replay, type Tally } from './engine.ts';
import { collectGarbage } from './memory.ts';
import { minimise } from './minimise.ts';
import { planted } from './planted.ts';
import type { Target } from './target.ts';
import { targetNamed } from './targets.ts';
import { watch } from './watch.ts';

const COUNT = 20_000;
const IN_PROCESS = /twice|overlong|believed|behind|unbounded|base64|trailer/;
const mistakes = planted.filter(({ name }) => IN_PROCESS.test(name));

async function run(target: Target, { seed = 1, count = COUNT }): Promise<Tally & { inputs: string[] }> {
  const inputs: string[] = [];
  const note = (input: Uint8Array) => {
    if (inputs.length < 500) inputs.push(Buffer.from(input).toString('hex'));
  };
  return { ...(await fuzz(target, { seed, count, corpus: [], note })), inputs };
}

void t.test('a planted mistake is found within the count, and its input shows it again', async (t) => {
  t.equal(mistakes.length, 7);
  for (const target of mistakes) {
    const { finding } = await run(target, {});
    t.ok(finding, target.name);
    if (finding === undefined) continue;
    collectGarbage();
    t.match(await replay(target, finding.input), { what: String }, `${target.name}: the input fails again`);
  }
});

void t.test('the same reader without a mistake is not accused', async (t) => {
  const sound = targetNamed('planted: none');
  t.ok(sound);
  if (sound === undefined) return;
  const { finding, accepted } = await run(sound, {});
  t.equal(finding, undefined);
  t.ok(accepted > COUNT / 10, 'it accepts what is valid');
});

void t.test('the seed decides every input', async (t) => {
  const target = targetNamed('cbor');
  if (target === undefined) throw new RangeError('cbor is a target');
  const given = { seed: 7, count: 3_000 };
  const [first, again, other] = [
    await run(target, given),
    await run(target, given),
    await run(target, { ...given, seed: 8 }),
  ];
  t.same(again, first);
  t.notSame(other.inputs, first.inputs);
});

void t.test('a failing input is cut down to what makes it fail', async (t) => {
  const input = Buffer.from(`${'a'.repeat(900)}x${'b'.repeat(50)}y${'c'.repeat(333)}`);
  const shortest = await minimise(input, async (candidate) => {
    const text = Buffer.from(candidate).toString();
    return text.indexOf('x') >= 0 && text.indexOf('y') > text.indexOf('x');
  });
  t.equal(Buffer.from(shortest).toString(), 'xy');
});

void t.test('a child that hangs is ended, and the input that it hung on is named', async (t) => {
  // It does hang, so a slow machine makes this later and not wrong.
  const { finding } = await watch({ target: 'planted: endless', seed: 1, count: COUNT, stallMs: 2_000 });
  t.match(finding?.what, /^hang/);
  t.ok(Buffer.from(finding?.hex ?? '', 'hex').includes('!'));
});

void t.test('a child that runs out of memory is reported with its input', async (t) => {
  const { finding } = await watch({ target: 'planted: greedy', seed: 1, count: COUNT });
  t.match(finding?.what, /^the process died/);
  t.ok(Buffer.from(finding?.hex ?? '', 'hex').includes('!'));
});

void t.test('a child that keeps a little of every input is reported for its growth', async (t) => {
  const { finding } = await watch({ target: 'planted: leaking', seed: 1, count: 1_200 });
  t.match(finding?.what, /^resident memory grew by \d+ bytes/);
});

void t.test('nothing is left behind by a run, neither by one that was ended', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mimeo-fuzz-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const before = process.env['TMPDIR'];
  t.teardown(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  process.env['TMPDIR'] = folder;
  t.equal((await watch({ target: 'config', seed: 1, count: 50 })).finding, undefined);
  await watch({ target: 'planted: endless', seed: 1, count: COUNT, stallMs: 2_000 });
  t.same(readdirSync(folder), []);
});

void t.test('the command prints one line of JSON, and runs an input again by its bytes', async (t) => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const { NODE_OPTIONS: _, ...env } = process.env;
  const call = (...args: string[]) => promisify(execFile)(process.execPath, [main, ...args], { env });
  const { stdout } = await call('--target', 'cbor', '--seed', '7', '--count', '500');
  t.match(JSON.parse(stdout), {
    target: 'cbor',
    seed: 7,
    executions: 500,
    kept: Number,
    peakRssBytes: Number,
  });
  t.match(JSON.parse((await call('--target', 'cbor', '--input', '1800')).stdout), {
    executions: 1,
    accepted: 0,
  });
  t.match(JSON.parse((await call('--target', 'cbor', '--input', '1818')).stdout), {
    executions: 1,
    accepted: 1,
  });
  await t.rejects(call('--target', 'nothing'), { code: 2 });
});
