/**
 * The memory of a daemon does not depend on the size of a file: what a file of many mebibytes adds to what a file of one has
 * taken is bounded by windows and buffers. Real processes; the resident set is what the kernel says.
 */
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { TestNetwork, type TestNode } from '../../daemon/testnet/network.ts';
import { fetchThrough } from '../../daemon/testnet/proxy-client.ts';
import { noise, sha256Of } from '../../daemon/testnet/sample.ts';

const MIB = 1024 * 1024;
const LARGE_BYTES = process.env['MIMEO_TEST_FULL'] ? 1024 * MIB : 96 * MIB;
/**
 * Buffers that wait for their collector: V8 lets 64 MiB of them lie outside its heap before it looks, and malloc keeps holes. The
 * heap itself stays at 22 to 30 MiB. Measured: 28 MiB more after 96 MiB, 98 after 1 GiB, no more after that.
 */
const GROWTH_MIB = process.env['MIMEO_TEST_FULL'] ? 128 : 80;
const NODES = 3;

t.test(
  `a file of ${LARGE_BYTES / MIB} MiB takes no more memory than one of 1 MiB`,
  { timeout: 1_500_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'mimeo-memory-'));
    const network = await TestNetwork.start({
      nodes: NODES,
      storeSizeBytes: 4 * LARGE_BYTES,
      draw: () => 0.5,
    });
    t.teardown(async () => {
      await network.stop();
      rmSync(folder, { recursive: true });
    });
    const peaks: number[][] = [];
    for (const sizeBytes of [MIB, LARGE_BYTES]) {
      const path = join(folder, 'file');
      await pipeline(Readable.from(noise('memory', sizeBytes)), createWriteStream(path));
      const peak = watch(network.nodes);
      const uri = await insert(network.node(0), path);
      const { sha256 } = await fetchThrough(network.node(NODES - 1).origin, uri);
      t.equal(sha256, await sha256Of(noise('memory', sizeBytes)));
      peaks.push(peak.stop());
    }
    const [small = [], large = []] = peaks;
    for (const [node, mib] of large.entries()) {
      const growth = mib - (small[node] ?? 0);
      t.ok(growth < GROWTH_MIB, `node ${node}: ${mib.toFixed(0)} MiB, ${growth.toFixed(0)} more than before`);
    }
  },
);

async function insert({ api }: TestNode, path: string): Promise<string> {
  let job = await api.call('request.put', { path });
  while (job.state === 'running') job = await api.call('request.wait', { id: job.id, timeoutMs: 60_000 });
  return job.uri ?? '';
}

/** Peak of each process, sampled. */
function watch(nodes: readonly TestNode[]): { stop(): number[] } {
  const peaks = nodes.map(() => 0);
  const timer = setInterval(() => {
    for (const [i, { pid }] of nodes.entries()) peaks[i] = Math.max(peaks[i] ?? 0, anonymousMiB(pid));
  }, 100);
  return {
    stop: () => {
      clearInterval(timer);
      return peaks;
    },
  };
}

/** Without the pages of files: those are shared and the kernel's to drop. */
function anonymousMiB(pid: number): number {
  const [, kib = '0'] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}
