/** `mimeo key …` and `mimeo info`. Keys go to stdout alone; the insert form is printed by `export` and by nothing else. */
import type { Invocation } from '../invocation.ts';
import { plain, printJson, printLine, readText, table } from '../io.ts';

export async function create(call: Invocation): Promise<number> {
  const { requestUri } = await call.withApi((api) => api.call('key.create', { name: call.operand(0) }));
  printLine(call.io, requestUri);
  return 0;
}

export async function list(call: Invocation): Promise<number> {
  const result = await call.withApi((api) => api.call('key.list', {}));
  if (call.flag('json')) printJson(call.io, result);
  else if (result.keys.length > 0)
    printLine(call.io, table(result.keys.map(({ name, requestUri }) => [name, requestUri])));
  return 0;
}

export async function exportKey(call: Invocation): Promise<number> {
  const { insertUri } = await call.withApi((api) => api.call('key.export', { name: call.operand(0) }));
  printLine(call.io, insertUri);
  return 0;
}

export async function importKey(call: Invocation): Promise<number> {
  const given = call.operand(1);
  const insertUri = given === '-' ? await readText(call.io) : given;
  const { requestUri } = await call.withApi((api) =>
    api.call('key.import', { name: call.operand(0), insertUri }),
  );
  printLine(call.io, requestUri);
  return 0;
}

export async function remove(call: Invocation): Promise<number> {
  const { requestUri } = await call.withApi((api) => api.call('key.remove', { name: call.operand(0) }));
  printLine(call.io, requestUri);
  return 0;
}

export async function info(call: Invocation): Promise<number> {
  const explained = await call.withApi((api) => api.call('key.parse', { uri: call.operand(0) }));
  if (call.flag('json')) {
    printJson(call.io, explained);
    return 0;
  }
  const rows = Object.entries(explained).map(([name, value]) => [name, plain(inWords(value))]);
  printLine(call.io, table(rows.filter(([, value]) => value !== '')));
  return 0;
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.map(inWords).join('; ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
