import t from 'tap';
import { readFileSync } from 'node:fs';
import { fileLayout } from '../../client/layout.ts';
import type { PutTarget } from '../../client/target.ts';
import { type Block, cryptoKey, equalBytes, seed, sskFromSeed, toText } from '../../keys/index.ts';
import { hex, toHex } from '../keys/samples.ts';
import { get, put, tinyLayout, uriOf } from './files.ts';
import { MemoryNetwork, SeededRandom, sha256 } from './world.ts';

interface Case {
  readonly name: string;
  readonly target: { type: 'chk' } | { type: 'ssk'; seed: string; cryptoKey: string; name: string };
  readonly content: { seed: string; bytes: number };
  readonly mimeType: string;
  readonly convergenceSecret: string;
  readonly layout: 'format' | 'tiny';
  readonly uri: string;
  readonly top: { routingKey: string; blockHash: string };
  /** Routing keys: content first, then the lists. */
  readonly levels: readonly (readonly string[])[];
}

const file = new URL('../vectors/client/files.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly Case[] };

function targetOf({ target }: Case): PutTarget {
  if (target.type === 'chk') return { type: 'chk', fileName: undefined };
  const secret = sskFromSeed({ seed: seed(hex(target.seed)), cryptoKey: cryptoKey(hex(target.cryptoKey)) });
  return { type: 'ssk', secret, name: target.name };
}

function blockAt(network: MemoryNetwork, routingKey: string, salt: number): Block | undefined {
  return network.blocks.get(`${toText(hex(routingKey))}/${salt}`);
}

void t.test('inserting the committed files gives the committed blocks and URIs', async (t) => {
  for (const vector of cases) {
    await t.test(vector.name, async (t) => {
      const content = new SeededRandom(vector.content.seed).bytes(vector.content.bytes);
      const layout = vector.layout === 'tiny' ? tinyLayout : fileLayout;
      const network = new MemoryNetwork();
      const putting = put(content, {
        network,
        layout,
        target: targetOf(vector),
        mimeType: vector.mimeType,
        key: { type: 'convergent', secret: hex(vector.convergenceSecret) },
      });
      t.equal(uriOf(putting), vector.uri);
      for (const salt of [0, 1, 2]) {
        const top = blockAt(network, vector.top.routingKey, salt);
        t.equal(top && toHex(sha256(top)), vector.top.blockHash, `the top block at place ${salt}`);
      }
      const below = vector.levels.flat();
      t.ok(below.every((key) => blockAt(network, key, 0)));
      t.equal(network.blocks.size, new Set(below).size + 3, 'and no other block');
      const getting = get(vector.uri, { network, layout });
      t.ok(equalBytes(getting.written, content));
      t.equal(getting.opened?.mimeType, vector.mimeType);
    });
  }
});
