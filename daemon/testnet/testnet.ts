/**
 * `mimeo testnet`, which is `npm start`: a local network of real nodes in one go. With `--once` it proves that it works and ends;
 * without, it publishes a page, says where to read it, and keeps running until it is told to stop.
 */
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../client/index.ts';
import { TestNetwork } from './network.ts';
import { proveOnce } from './once.ts';
import { insertThrough } from './proxy-client.ts';
import { samplePage, text } from './sample.ts';

export interface TestnetOptions {
  readonly nodes?: number;
  readonly once: boolean;
}

const DEFAULT_NODES = 12;
const MOST_NODES = 100;
/** All of it is written when a node is new: 2 GiB for twelve. */
const STORE_BYTES = 256 * 1024 * 1024;
const USUAL_PORT = 8888;
const GRACE_MS = 500;

/** @returns the exit status. stdout carries the result alone: the table, or the addresses. */
export async function runTestnet(options: TestnetOptions): Promise<number> {
  const { nodes = DEFAULT_NODES, once } = options;
  if (nodes < 2 || nodes > MOST_NODES) throw new UserError('usage', `--nodes takes 2 to ${MOST_NODES}`);
  if (once && nodes < 5) throw new UserError('usage', '--once needs at least 5 nodes');
  const stop = stopSignal();
  say(`starting ${nodes} nodes`);
  const firstPort = (await isFree(USUAL_PORT)) ? { firstPort: USUAL_PORT } : {};
  const starting = TestNetwork.start({
    nodes,
    storeSizeBytes: STORE_BYTES,
    draw: Math.random,
    say,
    ...firstPort,
  });
  // Ctrl-C reaches the nodes too, and then it is no failure that they did not start.
  const network = await starting.catch((error: unknown) => Promise.race([stop, Promise.reject(error)]));
  if (typeof network === 'number') return network;
  try {
    const proof = once ? proveOnce(network, say).then(printed) : publish(network).then(() => stop);
    const watch = network.watch();
    // A request to a daemon that has ended fails before its end is noticed, and its end is what there is to say.
    const failed = proof.catch((error: unknown) =>
      Promise.race([watch, sleep(GRACE_MS).then(() => Promise.reject(error))]),
    );
    return await Promise.race([failed, watch, stop]);
  } finally {
    say('stopping');
    await network.stop();
  }
}

async function publish(network: TestNetwork): Promise<void> {
  const page = { key: 'KSK@welcome', mimeType: 'text/plain', body: text(samplePage) };
  const { uri } = await insertThrough(network.node(0).origin, page);
  process.stdout.write(`${network.node(network.nodes.length - 1).origin}/${uri}\n`);
  say('That page went in at the first node and is read at the last one. Their home pages:');
  for (const { number, origin } of network.nodes) say(`  node ${String(number).padEnd(3)} ${origin}/`);
  say('Ctrl-C stops the network and removes its files.');
}

/** Resolves with the exit status of the first signal; a second one ends the process. */
function stopSignal(): Promise<number> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve(130));
    process.once('SIGTERM', () => resolve(143));
  });
}

function printed(table: string): number {
  process.stdout.write(`${table}\n`);
  return 0;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
