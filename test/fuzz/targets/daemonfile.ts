/**
 * daemon/config/daemon-file.ts. Promises: whatever lies there is our file, with every field of its kind, or nothing; and what a daemon
 * writes is read as it was written.
 */
import { isDeepStrictEqual } from 'node:util';
import { readDaemonFile } from '../../../daemon/config/daemon-file.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { editText } from '../edits/text.ts';
import { ScratchFile, scratchFolder } from '../scratch.ts';
import { accepted, ensure, pick, type Target } from '../target.ts';

const file = new ScratchFile('daemonfile', 'daemon.json');
const NAMES = ['pid', 'rpcSocket', 'fproxy', 'listen', 'version'] as const;

export const daemonfile: Target = {
  name: 'daemonfile',
  promise: 'it is ours, field by field, or nothing',
  mostBytes: 4_000,
  edits: [editText],
  words: [...NAMES, '"pid":1', '"__proto__":{}', 'null', '{}', '[]', '1e999', '"\\u0000"'],
  sample: (random) => Buffer.from(`${JSON.stringify(sampleFields(random), undefined, 2)}\n`),
  run: (input) => {
    file.holding(input);
    const read = readDaemonFile(scratchFolder('daemonfile'));
    const expected = expectedOf(Buffer.from(input).toString());
    ensure(isDeepStrictEqual(read, expected), 'what stands there, or nothing');
    if (read === undefined) return { type: 'refused', shape: 'none of ours' };
    return accepted(Object.keys(read).join());
  },
};

/** By hand, without the schema. */
function expectedOf(text: string): object | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields = value as Record<string, unknown>;
  const { pid, fproxy } = fields;
  if (!Number.isSafeInteger(pid) || (pid as number) < 1) return undefined;
  const texts = [fields['rpcSocket'], fields['listen'], fields['version']];
  if (texts.some((text) => typeof text !== 'string')) return undefined;
  if (fproxy !== undefined && typeof fproxy !== 'string') return undefined;
  return Object.fromEntries(
    NAMES.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]),
  );
}

function sampleFields(random: SeededRandom): object {
  return {
    pid: 1 + random.below(4_194_304),
    rpcSocket: pick(['/run/user/0/mimeo/a.sock', '/tmp/\u00e4 b/rpc.sock', ''], random),
    ...(random.below(2) === 0 ? {} : { fproxy: 'http://127.0.0.1:8888' }),
    listen: pick(['127.0.0.1:4711', '[::1]:1'], random),
    version: '0.1.0',
  };
}
