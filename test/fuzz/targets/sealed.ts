/**
 * daemon/node/sealed-file.ts. The first byte of an input says which of the files below it was made from, the rest is the file as it
 * lies on the disk. Promises: a file that was changed, or lies under another name or key, is `state_damaged` or `data_dir_format` and
 * gives no content; one that was not gives what was put in.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { equalBytes } from '../../../keys/index.ts';
import { SealedFile } from '../../../daemon/node/sealed-file.ts';
import { SeededRandom } from '../../sim/random.ts';
import { ScratchFile, scratchFolder } from '../scratch.ts';
import { accepted, attempt, ensure, pick, type Target } from '../target.ts';

const state = new ScratchFile('sealed', 'state');
const STEP_BYTES = 4_096;
const CODES = ['state_damaged', 'data_dir_format'] as const;

interface Fixture {
  readonly name: string;
  readonly key: Uint8Array;
  readonly content: Uint8Array;
  readonly file: Uint8Array;
}

let made: readonly Fixture[] | undefined;

/** Two names, two keys, two files of one name and key: each may be laid in the place of another. */
function fixtures(): readonly Fixture[] {
  made ??= [
    { name: 'peers', fill: 1, size: 0 },
    { name: 'peers', fill: 1, size: 100 },
    { name: 'peers', fill: 2, size: 100 },
    { name: 'invites', fill: 1, size: 4_051 },
    { name: 'invites', fill: 1, size: 4_052 },
  ].map(({ name, fill, size }, number) => {
    const random = new SeededRandom(number);
    const [key, content] = [new Uint8Array(32).fill(fill), random.bytes(size)];
    const path = join(scratchFolder('sealed'), `made-${number}`);
    SealedFile.open({ path, name, key, random }).replace(content);
    return { name, key, content, file: readFileSync(path) };
  });
  return made;
}

export const sealed: Target = {
  name: 'sealed',
  promise: 'a state file that was changed or moved is an error with a code, and never content',
  mostBytes: 1 + 2 * STEP_BYTES + STEP_BYTES,
  edits: [],
  sample: (random) => {
    const index = random.below(fixtures().length);
    return Buffer.concat([Uint8Array.of(index), pick(fixtures(), random).file]);
  },
  run: (input) => {
    const all = fixtures();
    const place = all[(input[0] ?? 0) % all.length];
    ensure(place !== undefined, 'a place');
    const file = input.subarray(1);
    state.holding(file);
    const { path } = state;
    const { name, key } = place;
    const read = attempt(() => SealedFile.open({ path, name, key, random: new SeededRandom(1) }), CODES);
    const original = all.find(
      (one) => one.name === name && equalBytes(one.key, key) && equalBytes(one.file, file),
    );
    ensure((read.type === 'value') === (original !== undefined), 'the files that were made, and no others');
    if (read.type !== 'value') return { ...read, shape: read.shape.replaceAll(path, '') };
    ensure(equalBytes(read.value.content ?? file, original?.content ?? file), 'the content that was put in');
    return accepted(name);
  },
};
