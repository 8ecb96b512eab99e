/**
 * Real daemons on this machine, 25 unless told otherwise, each its own process: one file of 32 MiB in at one node and out at
 * another that never saw it, then single blocks, one after the other. Everything passes sockets, disks and proxies as in use.
 *
 * All of it twice, in one run and with the same links: without the stem (docs/spec/stem.md), and with it, whose rows begin with `stem.`.
 * The stem may cost half of the speed and double the time, of what was measured without it; copies and memory are to be what they are without it.
 *
 * CPU is that of all daemons together; memory is PSS, which shares the libraries' pages among them. All share the machine's
 * cores, so megabytes per CPU second say more than megabytes per second.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assert } from '../../keys/index.ts';
import { TestNetwork, type TestNode } from '../../daemon/testnet/network.ts';
import { fetchThrough, insertThrough } from '../../daemon/testnet/proxy-client.ts';
import { noise, sha256Of } from '../../daemon/testnet/sample.ts';
import { Traces } from '../../daemon/testnet/traces.ts';
import { SeededRandom } from '../sim/random.ts';
import { type BenchOptions, type Row, row } from './harness.ts';

const DEFAULT_NODES = 25;
const FILE_BYTES = 32 * 1024 * 1024;
const STORE_BYTES = 128 * 1024 * 1024;
/** Fits one block with its metadata. */
const BLOCK_FILE_BYTES = 30_000;
const BLOCKS = 40;
const SAMPLE_MS = 1_000;
const SETTLE_MS = 3_000;
const POLL_MS = 100;
/** Draws the long links, the same in every run. */
const SEED = 1;

type Stem = 'on' | 'off';

const STEMLESS = [fileURLToPath(new URL('./stemless.ts', import.meta.url))];

export async function run({ nodes = DEFAULT_NODES }: BenchOptions): Promise<Row[]> {
  const without = await withNetwork({ nodes, stem: 'off' }, measure);
  const withStem = await withNetwork({ nodes, stem: 'on' }, measure);
  return [...without, ...withStem.map((measured) => besideStemless(measured, without))];
}

async function withNetwork<T>(
  { nodes, stem }: { nodes: number; stem: Stem },
  use: (network: TestNetwork) => Promise<T>,
): Promise<T> {
  const random = new SeededRandom(SEED);
  say(`stem ${stem}`);
  const network = await TestNetwork.start({
    nodes,
    storeSizeBytes: STORE_BYTES,
    draw: () => random.fraction(),
    say,
    ...(stem === 'off' ? { command: STEMLESS } : {}),
  });
  try {
    return await use(network);
  } finally {
    await network.stop();
  }
}

/** What the stem costs is paid in hops: in speed and in time, not in copies or memory. */
function besideStemless(measured: Row, without: readonly Row[]): Row {
  const { name, value, unit, better, goal } = measured;
  const base = without.find((other) => other.name === name)?.value;
  assert(base !== undefined, 'both runs have the same rows');
  const isPaid = !/^(?:copies|daemon)\./u.test(name);
  const paid = better === 'higher' ? base / 2 : base * 2;
  return row({ name: `stem.${name}`, value, unit, better, goal: isPaid ? paid : goal });
}

async function measure(network: TestNetwork): Promise<Row[]> {
  const publisher = network.node(0);
  const reader = network.node(Math.floor(network.nodes.length / 2));
  await settled(network);
  const idle = Math.max(...network.nodes.map(pssMiB));
  const peak = watchPeak(network.nodes);
  try {
    return await measureTraffic(network, { publisher, reader, idle, peak });
  } finally {
    peak.stop();
  }
}

/** Links are looked at, and whoever has a stem has a guard, so that nothing waits for one while it is measured. */
async function settled({ nodes }: TestNetwork): Promise<void> {
  await sleep(SETTLE_MS);
  for (const { api } of nodes) {
    for (;;) {
      const { anonymity } = await api.call('node.status', {});
      if (anonymity === undefined || anonymity.level !== 'waiting') break;
      await sleep(POLL_MS);
    }
  }
}

interface Subjects {
  readonly publisher: TestNode;
  readonly reader: TestNode;
  /** MiB. */
  readonly idle: number;
  readonly peak: { stop(): number };
}

async function measureTraffic(
  network: TestNetwork,
  { publisher, reader, idle, peak }: Subjects,
): Promise<Row[]> {
  say('inserting 32 MiB');
  const insert = await metered(network.nodes, () => insertFile(publisher));
  const traces = await Traces.read(network.nodes);
  const copies = traces.copies(traces.insertedBy(publisher.number), network.nodes);
  say('fetching it');
  const fetch = await metered(network.nodes, () => fetchThrough(reader.origin, insert.result.uri));
  if (fetch.result.sha256 !== insert.result.sha256) throw new Error('the file came back changed');

  say(`${BLOCKS} single blocks`);
  const blockInserts: number[] = [];
  const blockFetches: number[] = [];
  for (let i = 0; i < BLOCKS; i += 1) {
    const content = {
      key: '',
      mimeType: 'application/octet-stream',
      body: noise(`block ${i}`, BLOCK_FILE_BYTES),
    };
    const { uri, seconds } = await insertThrough(network.node(i % network.nodes.length).origin, content);
    blockInserts.push(seconds * 1_000);
    const other = network.node((i + 1 + (i % (network.nodes.length - 1))) % network.nodes.length);
    blockFetches.push((await fetchThrough(other.origin, uri)).seconds * 1_000);
  }

  const megabytes = FILE_BYTES / 1e6;
  return [
    row({ name: 'insert.MBps', value: megabytes / insert.seconds, unit: 'MB/s', goal: 5, better: 'higher' }),
    row({
      name: 'insert.MBperCpuSecond',
      value: megabytes / insert.cpuSeconds,
      unit: 'MB/CPU s',
      goal: 4,
      better: 'higher',
    }),
    row({ name: 'fetch.MBps', value: megabytes / fetch.seconds, unit: 'MB/s', goal: 20, better: 'higher' }),
    row({
      name: 'fetch.MBperCpuSecond',
      value: megabytes / fetch.cpuSeconds,
      unit: 'MB/CPU s',
      goal: 20,
      better: 'higher',
    }),
    row({ name: 'block.insert.p50ms', value: middle(blockInserts), unit: 'ms', goal: 80, better: 'lower' }),
    row({ name: 'block.fetch.p50ms', value: middle(blockFetches), unit: 'ms', goal: 30, better: 'lower' }),
    row({ name: 'copies.perBlock', value: copies, unit: 'nodes', goal: 4, better: 'higher' }),
    row({ name: 'daemon.idle.pssMiB', value: idle, unit: 'MiB', goal: 90, better: 'lower' }),
    row({ name: 'daemon.peak.pssMiB', value: peak.stop(), unit: 'MiB', goal: 160, better: 'lower' }),
  ];
}

/** From a path, as `mimeo put FILE` does. */
async function insertFile({ api }: TestNode): Promise<{ uri: string; sha256: string }> {
  const path = join(tmpdir(), `mimeo-bench-${process.pid}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of noise('bench', FILE_BYTES)) chunks.push(chunk);
  writeFileSync(path, Buffer.concat(chunks));
  try {
    let job = await api.call('request.put', { path });
    while (job.state === 'running') job = await api.call('request.wait', { id: job.id, timeoutMs: 60_000 });
    if (job.uri === undefined || job.state !== 'finished')
      throw new Error(`the insert failed: ${job.error?.message ?? job.state}`);
    return { uri: job.uri, sha256: await sha256Of(noise('bench', FILE_BYTES)) };
  } finally {
    rmSync(path);
  }
}

async function metered<T>(
  nodes: readonly TestNode[],
  work: () => Promise<T>,
): Promise<{ result: T; seconds: number; cpuSeconds: number }> {
  const cpuBefore = cpuSeconds(nodes);
  const began = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - began) / 1_000, cpuSeconds: cpuSeconds(nodes) - cpuBefore };
}

function watchPeak(nodes: readonly TestNode[]): { stop(): number } {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, ...nodes.map(pssMiB));
  }, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return peak;
    },
  };
}

function pssMiB({ pid }: TestNode): number {
  const [, kib = '0'] = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Number(kib) / 1_024;
}

/** utime and stime, fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms. */
function cpuSeconds(nodes: readonly TestNode[]): number {
  return nodes.reduce((sum, { pid }) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
