/**
 * daemon/rpc: lines, dispatch, the real table of methods, and an Api that records. Promises: each request gets exactly one answer
 * with its id, notifications none; answers are one line of JSON-RPC with a code of the error table; the Api is called only with
 * parameters that passed their schema; and nothing counts as a bug of ours.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  api as methods,
  errorTable,
  isErrorCode,
  UserError,
  type Api,
  type MethodName,
} from '../../../client/index.ts';
import { createDispatch, type Load } from '../../../daemon/rpc/dispatch.ts';
import { rpcLimits } from '../../../daemon/rpc/limits.ts';
import { LineSplitter } from '../../../daemon/rpc/lines.ts';
import { explainUri } from '../../../keys/index.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { editText } from '../edits/text.ts';
import { ensure, pick, type Answer, type Target } from '../target.ts';
import { sampleUri } from './uri.ts';

const names = Object.keys(methods) as MethodName[];

export const rpc: Target = {
  name: 'rpc',
  promise: 'every request gets one answer, and the node is called only with what passed its schema',
  mostBytes: 4_000,
  edits: [editText],
  words: [
    ...names,
    '"id":1',
    '"id":null',
    '"jsonrpc":"2.0"',
    '"params":{}',
    '"__proto__":{}',
    '"result":1',
    'null',
  ],
  sample: (random) => {
    const count = 1 + random.below(3);
    const calls = Array.from({ length: count }, () => sampleCall(random));
    const text =
      random.below(3) === 0 ? JSON.stringify(calls) : calls.map((call) => JSON.stringify(call)).join('\n');
    return Buffer.from(`${text}\n`);
  },
  run: async (input) => {
    const splitter = new LineSplitter(rpcLimits.lineBytes.value);
    const load = { calls: 0, badLines: 0 };
    const answers: Answer[] = [];
    for (const part of splitter.push(Buffer.from(input))) {
      // As a connection does; otherwise one input could be a thousand lines of nothing.
      if (part.type === 'too long' || load.badLines >= rpcLimits.badLines.value) break;
      answers.push(await answerOf(part.text, load));
    }
    const shape = answers.map((answer) => answer.shape).join(' ');
    return { type: answers.some(({ type }) => type === 'accepted') ? 'accepted' : 'refused', shape };
  },
};

/** What came of the line that is being answered. Dispatch keeps nothing between lines, so one serves all of them. */
let called: MethodName[] = [];
let bugs: unknown[] = [];
const dispatch = createDispatch({
  api: recordingApi((name, params) => {
    ensure(
      isDeepStrictEqual(methods[name].params.parse(params), params),
      'parameters that passed the schema',
    );
    called.push(name);
  }),
  onBug: (error) => bugs.push(error),
});

async function answerOf(line: string, load: Load): Promise<Answer> {
  [called, bugs] = [[], []];
  const text = await dispatch(line, load);
  if (bugs.length > 0) throw bugs[0];
  ensure(load.calls === 0, 'no call is left running');
  ensure(text === undefined || !text.includes('\n'), 'an answer is one line');
  const answer: unknown = text === undefined ? undefined : JSON.parse(text);
  const expected = expectedIds(line);
  const given = answer === undefined ? [] : Array.isArray(answer) ? (answer as unknown[]) : [answer];
  ensure(given.length === expected.ids.length, 'one answer to each request');
  ensure(Array.isArray(answer) === (expected.type === 'batch' && given.length > 0), 'a batch for a batch');
  const shapes = given.map((one, index) => checkAnswer(one, expected.ids[index]));
  return { type: called.length > 0 ? 'accepted' : 'refused', shape: `${called.join()} ${shapes.join()}` };
}

interface Expected {
  readonly type: 'single' | 'batch';
  readonly ids: readonly unknown[];
}

/** What the specification demands, told from the line alone. */
function expectedIds(line: string): Expected {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return single([null]);
  }
  if (!Array.isArray(message)) return single(idsOf(message));
  if (message.length === 0 || message.length > rpcLimits.batchCalls.value) return single([null]);
  return { type: 'batch', ids: message.flatMap(idsOf) };
}

function single(ids: readonly unknown[]): Expected {
  return { type: 'single', ids };
}

/** The id of the answer that is due; nothing for a notification. */
function idsOf(call: unknown): unknown[] {
  if (typeof call !== 'object' || call === null || Array.isArray(call)) return [null];
  const { jsonrpc, method, id } = call as Record<string, unknown>;
  const isId =
    id === undefined || id === null || Number.isFinite(id) || (typeof id === 'string' && id.length <= 256);
  if (jsonrpc !== '2.0' || typeof method !== 'string' || method.length > 256 || !isId) return [null];
  return id === undefined ? [] : [id];
}

function checkAnswer(answer: unknown, id: unknown): string {
  ensure(typeof answer === 'object' && answer !== null, 'an answer is an object');
  const { jsonrpc, id: answeredId, result, error } = answer as Record<string, unknown>;
  ensure(jsonrpc === '2.0', 'an answer is JSON-RPC 2.0');
  // -0 is answered by 0: they are one number in JSON.
  ensure(answeredId === id, 'the id of the request');
  ensure((result === undefined) !== (error === undefined), 'a result or an error');
  if (error === undefined) {
    ensure(typeof result === 'object' && result !== null && !Array.isArray(result), 'a result is an object');
    return 'result';
  }
  const { code, message, data } = error as { code: unknown; message: unknown; data: { code: string } };
  ensure(isErrorCode(data.code) && code === errorTable[data.code].rpc, 'a code of the table');
  ensure(typeof message === 'string', 'an error has words');
  return `${data.code} ${message.replace(/".*"|\b[\w.]+: /g, '')}`;
}

function recordingApi(record: (name: MethodName, params: unknown) => void): Api {
  return {
    call: async (name, params) => {
      record(name, params);
      const { uri } = params as { uri?: string };
      if (name === 'key.parse' && uri !== undefined) return { ...explainUri(uri) } as never;
      if (name === 'request.status') throw new UserError('job_unknown', 'no such job');
      return {} as never;
    },
  };
}

function sampleCall(random: SeededRandom): object {
  const id = pick([1, 'a', null, undefined, 0.5], random);
  const name = pick(['a', 'own-key', 'x_1'], random);
  const uri = sampleUri(random);
  const calls: readonly { method: MethodName; params: object }[] = [
    ...names.map((method) => ({ method, params: {} })),
    { method: 'request.get', params: { uri, path: '/tmp/x', priority: 'bulk' } },
    { method: 'request.put', params: { path: '/tmp/x', key: 'chk', convergence: 'own', keyOnly: true } },
    { method: 'request.status', params: { id: '1' } },
    { method: 'request.wait', params: { id: '1', timeoutMs: random.below(3_600_001) } },
    { method: 'key.create', params: { name } },
    { method: 'key.import', params: { name, insertUri: uri } },
    { method: 'key.parse', params: { uri } },
    { method: 'peer.add', params: { reference: 'mimeo-node:AAAA' } },
  ];
  return { jsonrpc: '2.0', ...(id === undefined ? {} : { id }), ...pick(calls, random) };
}
