/**
 * One line in, one line out: JSON, the JSON-RPC 2.0 envelope, the parameters against the table's schemas, the call, the answer.
 * It holds no socket and no state between lines; how many calls a connection has running is counted in what the caller lends.
 *
 * Invariant: every line gets exactly one answer, except notifications, which get none; an `Api` is called only with parameters
 * that passed their schema. What a handler throws besides an expected failure is a bug: it is reported and not explained to the client.
 */
import { JSONRPCServer } from 'json-rpc-2.0';
import { z } from 'zod';
import { api as methods, UserError, type Api, type MethodName } from '../../client/index.ts';
import { nearest } from '../config/nearest.ts';
import { asUserError, toWireError } from './errors.ts';
import { rpcLimits } from './limits.ts';

export interface Load {
  /** Calls of this connection that run now. */
  calls: number;
  /** Lines in a row that were not JSON. */
  badLines: number;
}

/** Resolves with the answer, without newline; undefined where none is due. Never rejects. */
export type Dispatch = (line: string, load: Load) => Promise<string | undefined>;

export function createDispatch(options: { api: Api; onBug: (error: unknown) => void }): Dispatch {
  const server = createServer(options);
  return async (line, load) => {
    const message = parseJson(line);
    load.badLines = message === undefined ? load.badLines + 1 : 0;
    const answer =
      message === undefined
        ? refusal('bad_json', 'this line is not JSON')
        : Array.isArray(message.value)
          ? await answerBatch(server, message.value, load)
          : await answerCall(server, message.value, load);
    return answer === undefined ? undefined : JSON.stringify(answer);
  };
}

function parseJson(line: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(line) };
  } catch {
    return undefined;
  }
}

async function answerBatch(server: JSONRPCServer, batch: readonly unknown[], load: Load): Promise<unknown> {
  if (batch.length === 0) return refusal('bad_request', 'an empty batch');
  const most = rpcLimits.batchCalls.value;
  if (batch.length > most)
    return refusal('bad_request', `a batch of ${batch.length} calls; ${most} are the most`);
  const answers = await Promise.all(batch.map((call) => answerCall(server, call, load)));
  const due = answers.filter((answer) => answer !== undefined);
  return due.length === 0 ? undefined : due;
}

const envelope = z.object({
  jsonrpc: z.literal('2.0'),
  method: z.string().max(256),
  params: z.unknown().optional(),
  id: z.union([z.string().max(256), z.number(), z.null()]).optional(),
});

async function answerCall(server: JSONRPCServer, message: unknown, load: Load): Promise<unknown> {
  const call = envelope.safeParse(message);
  if (!call.success) return refusal('bad_request', `not a JSON-RPC 2.0 request: ${firstIssue(call.error)}`);
  const { jsonrpc, method, params, id } = call.data;
  if (load.calls >= rpcLimits.callsAtOnce.value) {
    return id === undefined
      ? undefined
      : refusal('overloaded', `${load.calls} calls are running on this connection`, id);
  }
  load.calls++;
  try {
    const answer = await server.receive(
      id === undefined ? { jsonrpc, method, params } : { jsonrpc, method, params, id },
    );
    return answer ?? undefined;
  } finally {
    load.calls--;
  }
}

function createServer({ api, onBug }: { api: Api; onBug: (error: unknown) => void }): JSONRPCServer {
  const server = new JSONRPCServer({
    errorListener: (_what, error) => {
      if (asUserError(error) === undefined) onBug(error);
    },
  });
  for (const name of Object.keys(methods) as MethodName[]) {
    server.addMethod(name, async (params: unknown) => call(api, name, params));
  }
  server.mapErrorToJSONRPCErrorResponse = (id, error: unknown) => {
    const shown = asUserError(error) ?? new UserError('failed', 'the daemon failed at this call');
    return { jsonrpc: '2.0', id, error: toWireError(shown) };
  };
  server.handleMethodNotFound = async ({ id, method }) => {
    if (id === undefined) return null;
    const meant = nearest(method, Object.keys(methods));
    const suggestion = meant === undefined ? '' : `; did you mean ${meant}?`;
    return {
      jsonrpc: '2.0',
      id,
      error: toWireError(new UserError('method_unknown', `no method ${method}${suggestion}`)),
    };
  };
  return server;
}

async function call(api: Api, name: MethodName, params: unknown): Promise<unknown> {
  if (Array.isArray(params)) throw new UserError('usage', `${name}: parameters are named, not numbered`);
  const checked = methods[name].params.safeParse(params ?? {});
  if (!checked.success) throw new UserError('usage', `${name}: ${firstIssue(checked.error)}`);
  return api.call(name, checked.data);
}

/** An answer to what has no id that could be believed, or to a call that is not made. */
function refusal(
  code: 'bad_json' | 'bad_request' | 'overloaded',
  message: string,
  id: string | number | null = null,
): object {
  return { jsonrpc: '2.0', id, error: toWireError(new UserError(code, message)) };
}

function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  const where = issue?.path.join('.') ?? '';
  return where === '' ? `${issue?.message}` : `${where}: ${issue?.message}`;
}
