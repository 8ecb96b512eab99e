/**
 * daemon/rpc/client.ts on a real socket: one call, answered by the input, after which the connection ends. Promises: the call ends, with
 * a result that stood in a line of its own under its id or with an error of the table; and nothing is thrown where nobody catches it.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isErrorCode, UserError } from '../../../client/index.ts';
import { writeDaemonFile } from '../../../daemon/config/daemon-file.ts';
import { connectApi } from '../../../daemon/rpc/client.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { editText } from '../edits/text.ts';
import { scratchFolder } from '../scratch.ts';
import { accepted, ensure, pick, type Answer, type Target } from '../target.ts';

export const reply: Target = {
  name: 'reply',
  promise: 'a call ends with what was answered to it or with an error of the table',
  mostBytes: 2_000,
  edits: [editText],
  words: [
    '"id":1',
    '"result":{}',
    '"error":null',
    '"data":{"code":"failed"}',
    '\n[null]\n',
    'null',
    '"__proto__"',
  ],
  sample: (random) => {
    const lines = Array.from({ length: random.below(3) }, () => sampleLine(random, 0));
    return Buffer.from(`${[...lines, sampleLine(random, 1)].join('\n')}\n`);
  },
  run: async (input) => {
    await listening();
    answer = Buffer.from(input);
    const api = await connectApi(scratchFolder('reply'));
    const ended = await api.call('node.info', {}).then(
      (result: unknown) => ({ type: 'result', result }) as const,
      (error: unknown) => ({ type: 'error', error }) as const,
    );
    api.close();
    const [escaped] = uncaught.splice(0);
    if (escaped !== undefined) throw escaped;
    if (ended.type === 'error') return refusedBy(ended.error);
    ensure(
      resultsIn(input).some((one) => isDeepStrictEqual(one, ended.result)),
      'a result that was answered',
    );
    return accepted(typeof ended.result);
  },
};

function refusedBy(error: unknown): Answer {
  if (!(error instanceof UserError)) throw error;
  ensure(isErrorCode(error.code) && typeof error.message === 'string', 'an error of the table');
  return { type: 'refused', shape: error.code };
}

/** Of every line that answers the first call. */
function resultsIn(input: Uint8Array): unknown[] {
  return Buffer.from(input)
    .toString()
    .split('\n')
    .flatMap((line): unknown[] => {
      try {
        // Space around a line is cut off before, and more of it than JSON allows.
        const { id, result } = JSON.parse(line.trim()) as { id?: unknown; result?: unknown };
        return id === 1 ? [result] : [];
      } catch {
        return [];
      }
    });
}

/** What the daemon sends to whoever asks. */
let answer: Buffer = Buffer.alloc(0);
let server: Server | undefined;
/** Where the client throws outside of any call, a process would end: here the input is named. */
const uncaught: Error[] = [];

async function listening(): Promise<void> {
  if (server !== undefined) return;
  const path = join(scratchFolder('reply'), 'rpc.sock');
  const made = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  server = made;
  // The process ends when there is nothing else to do.
  made.unref();
  await new Promise<void>((resolve) => made.listen(path, resolve));
  writeDaemonFile(scratchFolder('reply'), { pid: 1, rpcSocket: path, listen: '', version: '' });
  process.on('uncaughtException', (error) => uncaught.push(error));
}

function sampleLine(random: SeededRandom, id: number): string {
  const error = { code: -32_000, message: 'no', data: { code: 'job_unknown', retryable: false, hint: '' } };
  const bodies = [{ result: { version: '0.1.0', peers: [1, null] } }, { error }, { result: null }];
  return JSON.stringify({ jsonrpc: '2.0', id, ...pick(bodies, random) });
}
