/**
 * One encrypted link between two processes over loopback, with messages that carry blocks, against what it is made of: the same
 * bytes over a bare socket between the same two processes, and sealing and opening them on one thread. The slower of the two is
 * the most that a link could do that works one step after the other; a link has two processes, so it can come close.
 *
 * The rounds of the three alternate. Bytes are those of the messages: padding and tags are the link's own cost.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { primitives } from '../../keys/index.ts';
import { ReplayGuard } from '../../transport/index.ts';
import { Side, exchange } from '../transport/session-pair.ts';
import { type Row, row } from './harness.ts';
import { MESSAGES, type Outcome, type Ports, ROUND_BYTES, type Task, payload, random } from './link-load.ts';

const GOAL = 0.5;
const ROUNDS = 5;
const HANDSHAKES = 500;
/** Callers in turn: their keys are imported anew or kept, as in a node that is called by its peers. */
const CALLERS = 20;

export async function run(): Promise<Row[]> {
  const receiver = start('link-receiver.ts');
  const sender = start('link-sender.ts');
  const failure = failureOf([receiver, sender]);
  // At the end they are killed, and nobody listens any more.
  failure.catch(() => {});
  try {
    const [ports] = (await once(receiver, 'message')) as [Ports];
    const perform = (task: Task) => Promise.race([ask(sender, { task, ports }), failure]);
    const links: number[] = [];
    const tcps: number[] = [];
    const seals: number[] = [];
    for (let round = -1; round < ROUNDS; round += 1) {
      const [tcp, link, seal] = [await perform('tcp'), await perform('link'), sealAndOpen()];
      // The first is to warm up.
      if (round < 0) continue;
      tcps.push(rate(tcp.seconds));
      links.push(rate(link.seconds));
      seals.push(rate(seal));
      say(
        `round ${round + 1}: ${[tcps, links, seals].map((rates) => rates.at(-1)?.toFixed(0)).join(' ')} MB/s`,
      );
    }
    const ratios = links.map((link, i) => link / Math.min(tcps[i] ?? 0, seals[i] ?? 0));
    const { delaysMs } = await perform('control');
    say(`control messages: half of them within ${quantile(delaysMs, 0.5).toFixed(1)} ms`);
    return [
      row({ name: 'link.ratio', value: quantile(ratios, 0.5), unit: 'ratio', goal: GOAL, better: 'higher' }),
      row({ name: 'link.MBps', value: quantile(links, 0.5), unit: 'MB/s', better: 'higher' }),
      row({ name: 'tcp.MBps', value: quantile(tcps, 0.5), unit: 'MB/s', better: 'higher' }),
      row({ name: 'sealOpen.MBps', value: quantile(seals, 0.5), unit: 'MB/s', better: 'higher' }),
      row({ name: 'handshakes.perSecond', value: handshakesPerSecond(), unit: '1/s', better: 'higher' }),
      row({ name: 'control.p99ms', value: quantile(delaysMs, 0.99), unit: 'ms', better: 'lower' }),
    ];
  } finally {
    for (const child of [receiver, sender]) child.kill();
  }
}

function start(file: string): ChildProcess {
  return fork(new URL(file, import.meta.url), { execArgv: process.execArgv });
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

/** Seconds for all messages of a round. */
function sealAndOpen(): number {
  const aead = primitives.chachaPoly(random.bytes(32));
  const ad = new Uint8Array(0);
  const nonce = new Uint8Array(12);
  const counter = new DataView(nonce.buffer);
  const began = performance.now();
  for (let turn = 0; turn < MESSAGES; turn += 1) {
    counter.setUint32(4, turn);
    const data = aead.seal({ nonce, ad, data: payload(turn) });
    if (aead.open({ nonce, ad, data }) === undefined) throw new Error('what was sealed does not open');
  }
  return (performance.now() - began) / 1_000;
}

/** Openings, replies and the frame that confirms, both ends on this thread and nothing between them. */
function handshakesPerSecond(): number {
  const replay = new ReplayGuard();
  let wallMs = Date.now();
  const handshake = (caller: number) => {
    wallMs += 1;
    const listener = new Side(0, { random, replay }).listen({ wallMs });
    const dialler = new Side(1 + caller, { random }).dial(listener.self, { wallMs });
    exchange(dialler, listener);
    if (!listener.established || !dialler.established) throw new Error('a handshake failed');
  };
  for (let turn = 0; turn < 5 * CALLERS; turn += 1) handshake(turn % CALLERS);
  const began = performance.now();
  for (let turn = 0; turn < HANDSHAKES; turn += 1) handshake(turn % CALLERS);
  return HANDSHAKES / ((performance.now() - began) / 1_000);
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
