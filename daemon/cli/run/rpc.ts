/** `mimeo rpc`: any method by name, for scripts and for what has no command of its own. */
import { z } from 'zod';
import { api, UserError, type MethodName, type Params } from '../../../client/index.ts';
import type { Invocation } from '../invocation.ts';
import { printJson } from '../io.ts';

const takesPassphrase: Readonly<Record<string, string>> = {
  'node.unlock': 'mimeo unlock',
  'key.passphrase': 'mimeo key passphrase',
};

export async function rpc(call: Invocation): Promise<number> {
  const [method = '', ...pairs] = call.operands;
  const instead = Object.hasOwn(takesPassphrase, method) ? takesPassphrase[method] : undefined;
  if (instead !== undefined) {
    throw new UserError(
      'usage',
      `${method} takes a passphrase, which everybody can read in a list of processes: use \`${instead}\``,
    );
  }
  const params = Object.fromEntries(pairs.map((pair) => parsePair(method, pair)));
  // The daemon knows which methods it has and what they take; it may be another version.
  const result = await call.withApi((connection) =>
    connection.call(method as MethodName, params as Params<MethodName>),
  );
  printJson(call.io, result);
  return 0;
}

/** A value is text where the method takes text, so that `id=7` needs no quotes; else JSON, else text. */
function parsePair(method: string, pair: string): [name: string, value: unknown] {
  const cut = pair.indexOf('=');
  if (cut < 1) throw new UserError('usage', `${pair}: expected name=value`);
  const name = pair.slice(0, cut);
  const text = pair.slice(cut + 1);
  const shape: Readonly<Record<string, z.core.$ZodType>> = Object.hasOwn(api, method)
    ? api[method as MethodName].params.shape
    : {};
  const schema = Object.hasOwn(shape, name) ? shape[name] : undefined;
  if (schema !== undefined && z.safeParse(schema, text).success) return [name, text];
  try {
    return [name, JSON.parse(text)];
  } catch {
    return [name, text];
  }
}
