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
  const living = (): TestNode[] => network.nodes.filter(({ alive }) => alive);
  const rows: Row[] = [];
  const publisher = network.node(0);
  const items: Item[] = [];

  say(`inserting at node ${publisher.number}`);
  for (const sample of await samples(publisher)) {
    const before = (await Traces.read(network.nodes)).insertedBy(publisher.number);
    const { uri, seconds } = await insertThrough(publisher.origin, { ...sample, body: sample.content() });
    const traces = await Traces.read(network.nodes);
    const blocks = new Set([...traces.insertedBy(publisher.number)].filter((key) => !before.has(key)));
    const sha256 = await sha256Of(sample.content());
    items.push({ kind: sample.kind, uri, sha256, sizeBytes: sample.sizeBytes, blocks });
    const copies = traces.copies(blocks, living());
    rows.push({
      step: `insert at ${publisher.number}`,
      kind: sample.kind,
      bytes: sample.sizeBytes,
      seconds,
      copies,
      hops: undefined,
    });
  }

  const fetchAll = async (reader: TestNode, step: string): Promise<void> => {
    say(`${step} from node ${reader.number}`);
    for (const item of items) {
      const { sizeBytes, sha256, seconds } = await fetchThrough(reader.origin, item.uri);
      if (sha256 !== item.sha256 || sizeBytes !== item.sizeBytes) {
        throw new UserError(
          'failed',
          `node ${reader.number} gave other bytes for the ${item.kind}: SHA-256 ${sha256}, not ${item.sha256}`,
        );
      }
      const traces = await Traces.read(network.nodes);
      const copies = traces.copies(item.blocks, living());
      rows.push({
        step: `${step} at ${reader.number}`,
        kind: item.kind,
        bytes: sizeBytes,
        seconds,
        copies,
        hops: traces.hops(item.blocks, reader.number),
      });
    }
  };

  const [first, second, victim, last] = pickReaders(network);
  const inserted = await Traces.read(network.nodes);
  await fetchAll(first, 'fetch');
  await fetchAll(second, 'again');
  const spread = await Traces.read(network.nodes);
  let [before, after] = [0, 0];
  for (const { kind, blocks } of items) {
    const held = [inserted.copies(blocks, living()), spread.copies(blocks, living())] as const;
    say(
      `${kind}: a block lay on ${held[0].toFixed(2)} nodes after the insert, on ${held[1].toFixed(2)} after two fetches`,
    );
    before += held[0] * blocks.size;
    after += held[1] * blocks.size;
  }
  if (after <= before)
    throw new UserError('failed', 'no more nodes hold a copy after two fetches than before');

  say(`killing node ${victim.number} with -9`);
  await network.kill(victim.number);
  await fetchAll(last, 'after kill');
  return table(rows);
}

/** Four different nodes, none of them the publisher, spread over the network. */
function pickReaders({ nodes }: TestNetwork): readonly [TestNode, TestNode, TestNode, TestNode] {
  const others = nodes.slice(1);
  const pick = (share: number): TestNode | undefined => others[Math.floor(share * others.length)];
  const [a, b, c, d] = [pick(0), pick(0.25), pick(0.5), pick(0.75)];
  if (
    a === undefined ||
    b === undefined ||
    c === undefined ||
    d === undefined ||
    new Set([a, b, c, d]).size < 4
  ) {
    throw new UserError('usage', '--once needs at least 5 nodes');
  }
  return [a, b, c, d];
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
