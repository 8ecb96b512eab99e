/**
 * One encrypted link between two processes over loopback, with messages that carry blocks, against what it is made of: the same
 * bytes over a bare socket between the same two processes, and sealing and opening them on one thread. The slower of the two is
 * the most that a link could do that works one step after the other; a link has two processes, so it can come close.
 *
 * The rounds of the three alternate. Bytes are those of the messages: padding and tags are the link's own cost. `link.cpu.ratio`
 * compares CPU time, of the busier end, with that of sealing and opening: on a machine that others use too it says more.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { primitives } from '../../keys/index.ts';
import { type Row, row } from './harness.ts';
import { handshakesPerCpuSecond } from './link-handshake.ts';
import { MESSAGES, type Outcome, type Ports, ROUND_BYTES, type Task, payload, random } from './link-load.ts';

const GOAL = 0.5;
const ROUNDS = 5;

export async function run(): Promise<Row[]> {
  const receiver = start(new URL('./link-receiver.ts', import.meta.url));
  const sender = start(new URL('./link-sender.ts', import.meta.url));
  const ends = [receiver, sender];
  const failure = failureOf(ends);
  // At the end they are killed, and nobody listens any more.
  failure.catch(() => {});
  try {
    const [ports] = (await Promise.race([once(receiver, 'message'), failure])) as [Ports];
    const perform = (task: Task) => Promise.race([ask(sender, { task, ports }), failure]);
    const links: number[] = [];
    const cpuRatios: number[] = [];
    const tcps: number[] = [];
    const seals: number[] = [];
    for (let round = -1; round < ROUNDS; round += 1) {
      const tcp = await perform('tcp');
      const before = ends.map(cpuSeconds);
      const link = await perform('link');
      const busier = Math.max(...ends.map((end, i) => cpuSeconds(end) - (before[i] ?? 0)));
      const seal = sealAndOpen();
      // The first is to warm up.
      if (round < 0) continue;
      tcps.push(rate(tcp.seconds));
      links.push(rate(link.seconds));
      seals.push(rate(seal.seconds));
      cpuRatios.push(seal.cpuSeconds / busier);
      say(
        `round ${round + 1}: ${[tcps, links, seals].map((rates) => rates.at(-1)?.toFixed(0)).join(' ')} MB/s`,
      );
    }
    const ratios = links.map((link, i) => link / Math.min(tcps[i] ?? 0, seals[i] ?? 0));
    const { delaysMs } = await perform('control');
    say(`control messages: half of them within ${quantile(delaysMs, 0.5).toFixed(1)} ms`);
    return [
      row({ name: 'link.ratio', value: quantile(ratios, 0.5), unit: 'ratio', goal: GOAL, better: 'higher' }),
      row({ name: 'link.cpu.ratio', value: quantile(cpuRatios, 0.5), unit: 'ratio', better: 'higher' }),
      row({ name: 'link.MBps', value: quantile(links, 0.5), unit: 'MB/s', better: 'higher' }),
      row({ name: 'tcp.MBps', value: quantile(tcps, 0.5), unit: 'MB/s', better: 'higher' }),
      row({ name: 'sealOpen.MBps', value: quantile(seals, 0.5), unit: 'MB/s', better: 'higher' }),
      row({
        name: 'handshakes.perSecond',
        value: handshakesPerCpuSecond(),
        unit: '1/CPU s',
        better: 'higher',
      }),
      row({ name: 'control.p99ms', value: quantile(delaysMs, 0.99), unit: 'ms', better: 'lower' }),
    ];
  } finally {
    for (const end of ends) end.kill();
  }
}

function start(file: URL): ChildProcess {
  return fork(file, { execArgv: process.execArgv });
}

async function ask(sender: ChildProcess, what: { task: Task; ports: Ports }): Promise<Outcome> {
  sender.send(what);
  const [outcome] = (await once(sender, 'message')) as [Outcome];
  return outcome;
}

/** Neither of them ends by itself. */
async function failureOf(children: readonly ChildProcess[]): Promise<never> {
  await Promise.race(children.map((child) => once(child, 'exit')));
  throw new Error('a process of the bench ended before its work was done');
}

/** All messages of a round. */
function sealAndOpen(): { seconds: number; cpuSeconds: number } {
  const aead = primitives.chachaPoly(random.bytes(32));
  const ad = new Uint8Array(0);
  const nonce = new Uint8Array(12);
  const counter = new DataView(nonce.buffer);
  const cpu = process.cpuUsage();
  const began = performance.now();
  for (let turn = 0; turn < MESSAGES; turn += 1) {
    counter.setUint32(4, turn);
    const data = aead.seal({ nonce, ad, data: payload(turn) });
    if (aead.open({ nonce, ad, data }) === undefined) throw new Error('what was sealed does not open');
  }
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

/** utime and stime, fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms. */
function cpuSeconds({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function rate(seconds: number): number {
  return ROUND_BYTES / 1e6 / seconds;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
