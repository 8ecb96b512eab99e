/** `mimeo queue …`. */
import type { Job } from '../../../client/index.ts';
import type { Invocation } from '../invocation.ts';
import { plain, printJson, printLine, table } from '../io.ts';

export async function list(call: Invocation): Promise<number> {
  const result = await call.withApi((api) => api.call('request.list', {}));
  if (call.flag('json')) printJson(call.io, result);
  else if (result.jobs.length > 0) printLine(call.io, table(result.jobs.map(row)));
  return 0;
}

function row({ id, kind, state, progress, uri, path, waiting }: Job): string[] {
  const { succeeded, required, finalizedTotal } = progress;
  return [
    id,
    kind,
    waiting === undefined ? state : 'waiting',
    `${succeeded}/${required}${finalizedTotal ? '' : '+'}`,
    plain(path ?? '-'),
    plain(uri ?? '-'),
  ];
}

export async function show(call: Invocation): Promise<number> {
  const job = await call.withApi((api) => api.call('request.status', { id: call.operand(0) }));
  if (call.flag('json')) printJson(call.io, job);
  else printLine(call.io, jobText(job));
  return 0;
}

export function jobText(job: Job): string {
  const { id, kind, state, priority, progress, uri, path, mimeType, waiting, error } = job;
  const { succeeded, required, failed, fatallyFailed, finalizedTotal } = progress;
  const rows: [name: string, value: string | undefined][] = [
    ['id', id],
    ['kind', kind],
    ['state', state],
    ['priority', String(priority)],
    [
      'blocks',
      `${succeeded} of ${required}${finalizedTotal ? '' : ' or more'}; ${failed} tried again, ${fatallyFailed} given up`,
    ],
    ['key', uri],
    ['file', path],
    ['type', mimeType],
    ['waiting', waiting === undefined ? undefined : `${waiting.sentence} (${waiting.code})`],
    ['error', error === undefined ? undefined : `${error.message} (${error.code}). ${error.hint}`],
  ];
  return table(
    rows
      .filter((row): row is [string, string] => row[1] !== undefined)
      .map(([name, value]) => [name, plain(value)]),
  );
}

export async function cancel(call: Invocation): Promise<number> {
  const job = await call.withApi((api) => api.call('request.cancel', { id: call.operand(0) }));
  printLine(call.io, job.state);
  return 0;
}
