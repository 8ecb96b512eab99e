import t from 'tap';
import { createHash } from 'node:crypto';
import type { ContentEnd, SinkCredit, SourceBytes, SourceMeasure } from '../../client/event.ts';
import { clientLimits } from '../../client/limits.ts';
import { get, noise, put, uriOf } from './files.ts';
import { MemoryNetwork, MemorySink, type Source } from './world.ts';

const MIB = 2 ** 20;
const pieceBytes = 64 * 1024;
const unit = noise(pieceBytes);

/** Content that is nowhere in memory: one unit over and over, each time with another first byte. */
function* pieces(sizeBytes: number, from = 0): Generator<Uint8Array> {
  for (let offset = from; offset < sizeBytes;) {
    const piece = unit.slice();
    new DataView(piece.buffer).setUint32(0, Math.floor(offset / pieceBytes));
    const rest = piece.subarray(
      offset % pieceBytes,
      Math.min(pieceBytes, sizeBytes - offset + (offset % pieceBytes)),
    );
    yield rest;
    offset += rest.length;
  }
}

class SyntheticSource implements Source {
  readonly #sizeBytes: number;
  #offset = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  measure(): SourceMeasure {
    const { hash, sizeBytes } = this.end();
    return { type: 'measured', sizeBytes, hash, compressedBytes: sizeBytes };
  }

  read(_form: 'plain' | 'zstd', sizeBytes: number): SourceBytes {
    const bytes = new Uint8Array(sizeBytes);
    let filled = 0;
    for (const piece of pieces(this.#sizeBytes, this.#offset)) {
      const part = piece.subarray(0, sizeBytes - filled);
      bytes.set(part, filled);
      filled += part.length;
      if (filled === sizeBytes) break;
    }
    this.#offset += filled;
    return { type: 'bytes', bytes: bytes.subarray(0, filled) };
  }

  end(): ContentEnd {
    const hash = createHash('sha256');
    for (const piece of pieces(this.#sizeBytes)) hash.update(piece);
    return { type: 'ended', sizeBytes: this.#sizeBytes, hash: Uint8Array.from(hash.digest()) };
  }
}

/** Counts and hashes, and keeps nothing. */
class SwallowingSink extends MemorySink {
  readonly #hash = createHash('sha256');
  #count = 0;

  override write(_form: 'plain' | 'zstd', bytes: Uint8Array): SinkCredit {
    this.#hash.update(bytes);
    this.#count += bytes.length;
    return { type: 'more', writtenBytes: bytes.length };
  }

  override end(): ContentEnd {
    return { type: 'ended', sizeBytes: this.#count, hash: Uint8Array.from(this.#hash.digest()) };
  }
}

void t.test('64 MiB pass through machines that hold no more blocks than their bound', async (t) => {
  const sizeBytes = 64 * MIB;
  const network = new MemoryNetwork();
  const putting = put(new Uint8Array(0), {
    network,
    world: { source: new SyntheticSource(sizeBytes), slow: 'network' },
  });
  const { insertWindow, fetchWindow, listWindow } = clientLimits;
  // Content and one level of lists.
  const levels = 2;
  t.equal(putting.progress.at(-1)?.total, 2_048 + 2 + 3);
  t.ok(
    putting.peakHeldBlocks <= insertWindow.value + levels,
    `${putting.peakHeldBlocks} encoded blocks held`,
  );

  const getting = get(uriOf(putting), { network, world: { sink: new SwallowingSink(), slow: 'disk' } });
  t.same(getting.outcome, putting.outcome, 'done: length and hash were compared');
  const bound = fetchWindow.value + listWindow.value * (levels - 1);
  t.ok(getting.peakHeldBlocks <= bound, `${getting.peakHeldBlocks} opened blocks held`);
  // With a slow network or disk the windows are used.
  t.ok(putting.peakHeldBlocks >= insertWindow.value);
  t.ok(getting.peakHeldBlocks >= fetchWindow.value);
});

void t.test('with the smallest windows and four levels the bounds hold as well', async (t) => {
  const layout = { payloadBytes: 64, topBytes: 400, dataPerSegment: 3 };
  const slows: readonly ('network' | 'disk')[] = ['network', 'disk'];
  for (const [window, slow] of [1, 2, 5].flatMap((window) => slows.map((slow) => [window, slow] as const))) {
    const network = new MemoryNetwork();
    const world = { slow };
    const putting = put(noise(2_600), { network, layout, window, world });
    t.ok(putting.peakHeldBlocks <= window + 4, `${putting.peakHeldBlocks} held with a window of ${window}`);
    // The top block goes to its three places at once when the window allows it.
    t.ok(putting.peakRequests <= window, `${putting.peakRequests} in flight with a window of ${window}`);
    const getting = get(uriOf(putting), { network, layout, window, world });
    t.ok(
      getting.peakRequests <= window + 2 * 3,
      `${getting.peakRequests} in flight with a window of ${window}`,
    );
    t.ok(
      getting.peakHeldBlocks <= window + 2 * 3,
      `${getting.peakHeldBlocks} held with a window of ${window}`,
    );
  }
});
