/**
 * The proof that `npm start -- --once` gives: what goes in at one node comes out at others, bit for bit, spreads as it is asked
 * for, and survives that a node is killed. Everything goes through the proxies, like a person's browser.
 *
 * Invariant: any difference and any refusal throws; the table is printed only for what was compared.
 */
import { type Params, UserError } from '../../client/index.ts';
import type { TestNetwork, TestNode } from './network.ts';
import { fetchThrough, insertThrough } from './proxy-client.ts';
import { noise, samplePage, sha256Of, text } from './sample.ts';
import { Traces } from './traces.ts';

interface Item {
  readonly kind: 'KSK' | 'SSK' | 'CHK';
  readonly uri: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Its blocks, lists and top block included. */
  readonly blocks: ReadonlySet<string>;
}

interface Row {
  readonly step: string;
  readonly kind: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly copies: number;
  readonly hops: number | undefined;
}

const FILE_BYTES = 20 * 1024 * 1024;
const KEY_NAME = 'sample';

export async function proveOnce(network: TestNetwork, say: (line: string) => void): Promise<string> {
  const proof = new Proof(network, say);
  const { readers, victim, last } = castRoles(network);
  await proof.insertAll(network.node(0));
  const inserted = await proof.copies();

  const [first, ...others] = readers;
  await proof.fetchAll(first, 'fetch');
  // Where every node is one hop from a copy there is nothing to spread to; somebody further away makes it go on.
  for (const reader of others) {
    await proof.fetchAll(reader, 'again');
    if ((await proof.copies()).sum > inserted.sum) break;
  }
  const spread = await proof.copies();
  say(`copies of a block after the insert: ${inserted.words}; after the fetches: ${spread.words}`);
  if (spread.sum <= inserted.sum)
    say('every node reaches a copy in one hop: there was nothing left to spread to');

  say(`killing node ${victim.number} with -9`);
  await network.kill(victim.number);
  await proof.fetchAll(last, 'after kill');
  return proof.table();
}

class Proof {
  readonly #network: TestNetwork;
  readonly #say: (line: string) => void;
  readonly #items: Item[] = [];
  readonly #rows: Row[] = [];

  constructor(network: TestNetwork, say: (line: string) => void) {
    this.#network = network;
    this.#say = say;
  }

  get #living(): TestNode[] {
    return this.#network.nodes.filter(({ alive }) => alive);
  }

  async insertAll(publisher: TestNode): Promise<void> {
    this.#say(`inserting at node ${publisher.number}`);
    for (const sample of await samples(publisher)) {
      const { kind, sizeBytes } = sample;
      const before = (await Traces.read(this.#network.nodes)).insertedBy(publisher.number);
      const { uri, seconds } = await insertThrough(publisher.origin, { ...sample, body: sample.content() });
      const traces = await Traces.read(this.#network.nodes);
      const blocks = new Set([...traces.insertedBy(publisher.number)].filter((key) => !before.has(key)));
      this.#items.push({ kind, uri, sha256: await sha256Of(sample.content()), sizeBytes, blocks });
      const copies = traces.copies(blocks, this.#living);
      const step = `insert at ${publisher.number}`;
      this.#rows.push({ step, kind, bytes: sizeBytes, seconds, copies, hops: undefined });
    }
  }

  async fetchAll(reader: TestNode, what: string): Promise<void> {
    this.#say(`${what} from node ${reader.number}`);
    for (const { kind, uri, sha256, sizeBytes, blocks } of this.#items) {
      const before = await Traces.read(this.#network.nodes);
      const fetched = await fetchThrough(reader.origin, uri);
      if (fetched.sha256 !== sha256 || fetched.sizeBytes !== sizeBytes) {
        const message = `node ${reader.number} gave other bytes for the ${kind}: SHA-256 ${fetched.sha256}, not ${sha256}`;
        throw new UserError('failed', message);
      }
      const traces = await Traces.read(this.#network.nodes);
      this.#rows.push({
        step: `${what} at ${reader.number}`,
        kind,
        bytes: sizeBytes,
        seconds: fetched.seconds,
        copies: traces.copies(blocks, this.#living),
        hops: traces.hopsSince(before, blocks),
      });
    }
  }

  /** Over all blocks of all items, and for each kind in words. */
  async copies(): Promise<{ sum: number; words: string }> {
    const traces = await Traces.read(this.#network.nodes);
    const means = this.#items.map(({ kind, blocks }) => ({
      kind,
      blocks,
      mean: traces.copies(blocks, this.#living),
    }));
    return {
      sum: means.reduce((sum, { blocks, mean }) => sum + mean * blocks.size, 0),
      words: means.map(({ kind, mean }) => `${kind} ${mean.toFixed(2)}`).join(', '),
    };
  }

  table(): string {
    return table(this.#rows);
  }
}

interface Roles {
  readonly readers: readonly [TestNode, TestNode, ...TestNode[]];
  readonly victim: TestNode;
  /** Asks for nothing before the victim is gone. */
  readonly last: TestNode;
}

function castRoles({ nodes }: TestNetwork): Roles {
  const others = nodes.slice(1);
  const last = others.pop();
  const [victim] = others.splice(Math.floor(others.length / 2), 1);
  const [first, second, ...more] = others;
  if (last === undefined || victim === undefined || first === undefined || second === undefined) {
    throw new UserError('usage', '--once needs at least 5 nodes');
  }
  return { readers: [first, second, ...more], victim, last };
}

async function samples(publisher: TestNode) {
  const name: Params<'key.create'> = { name: KEY_NAME };
  await publisher.api.call('key.create', name);
  const { insertUri } = await publisher.api.call('key.export', name);
  const document = `${samplePage}\n${'A page of a small site. '.repeat(400)}\n`;
  return [
    {
      kind: 'KSK',
      key: 'KSK@every-copy',
      mimeType: 'text/plain',
      sizeBytes: Buffer.byteLength(samplePage),
      content: () => text(samplePage),
    },
    {
      kind: 'SSK',
      key: insertUri.replace(/\/[^/]*$/, '/document'),
      mimeType: 'text/plain',
      sizeBytes: Buffer.byteLength(document),
      content: () => text(document),
    },
    {
      kind: 'CHK',
      key: '',
      mimeType: 'application/octet-stream',
      sizeBytes: FILE_BYTES,
      content: () => noise('once', FILE_BYTES),
    },
  ] as const;
}

function table(rows: readonly Row[]): string {
  const head = ['step', 'key', 'bytes', 'seconds', 'MB/s', 'nodes with a copy', 'hops'];
  const lines = rows.map(({ step, kind, bytes, seconds, copies, hops }) => [
    step,
    kind,
    bytes.toLocaleString('en-US'),
    seconds.toFixed(2),
    (bytes / 1e6 / seconds).toFixed(2),
    copies.toFixed(1),
    hops === undefined ? '-' : hops.toFixed(1),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  // Words to the left, numbers to the right.
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return [head, ...lines].map(format).join('\n');
}
