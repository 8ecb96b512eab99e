/** `mimeo get`: into a file, which the daemon writes, or to stdout, which streams through its web interface. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseUri, type Uri } from '../../../keys/index.ts';
import type { Invocation } from '../invocation.ts';
import { printLine } from '../io.ts';
import { follow } from '../jobs.ts';
import { download } from './proxy.ts';
import { streamed } from './streamed.ts';

export async function get(call: Invocation): Promise<number> {
  const uri = call.operand(0);
  const output = call.text('output');
  const parsed = parseUri(uri);
  if (output === '-') {
    const { dataDir } = call.places;
    return streamed(call, (signal) => download({ dataDir, uri, signal }, call.io.stdout));
  }
  const path = targetPath(call, { output, name: defaultName(parsed) });
  return call.withApi(async (api) => {
    const followed = await follow(call, api, () => api.call('request.get', { uri, path }));
    if (followed.type === 'interrupted') return followed.status;
    printLine(call.io, path);
    return 0;
  });
}

function targetPath(call: Invocation, target: { output: string | undefined; name: string }): string {
  const output = resolve(call.io.cwd, target.output ?? '.');
  const isFolder = statSync(output, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? join(output, target.name) : output;
}

/**
 * The name in a key comes from whoever made the key: it chooses no folder, hides nothing (`.profile`), and has no characters
 * that a terminal or a shell would act on.
 */
export function defaultName(uri: Uri): string {
  const named = uri.kind === 'chk' && uri.form === 'insert' ? undefined : uri.path.at(-1);
  const inKey = uri.kind === 'ksk' ? uri.keyword : uri.kind === 'ssk' ? uri.name : undefined;
  const name = (named ?? inKey ?? '')
    .toWellFormed()
    .replace(/[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}"*/:<>?\\|]/gu, '_')
    .replace(/^[.\s-]+/u, '');
  return name === '' ? 'fetched' : name;
}
