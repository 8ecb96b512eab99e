/** `mimeo put`: a file, which the daemon reads, or stdin, which streams through its web interface. */
import { basename, resolve } from 'node:path';
import { UserError, type Params } from '../../../client/index.ts';
import type { Invocation } from '../invocation.ts';
import { printLine } from '../io.ts';
import { follow } from '../jobs.ts';
import { mimeTypeOf } from '../mime.ts';
import { upload } from './proxy.ts';
import { streamed } from './streamed.ts';

export async function put(call: Invocation): Promise<number> {
  const source = call.operand(0);
  if (source === '-') return putStdin(call);
  const path = resolve(call.io.cwd, source);
  const params = { path, ...keyOptions(call), ...typeOption(call, basename(path)) };
  return call.withApi(async (api) => {
    const begin = () => api.call('request.put', params);
    if (!call.flag('wait')) {
      printLine(call.io, (await begin()).id);
      return 0;
    }
    const followed = await follow(call, api, begin);
    if (followed.type === 'interrupted') return followed.status;
    const { id, uri } = followed.job;
    if (uri === undefined) throw new UserError('failed', `job ${id} has ended without a key`);
    printLine(call.io, uri);
    return 0;
  });
}

function keyOptions(call: Invocation): Partial<Params<'request.put'>> {
  const key = call.text('key');
  const isConvergent = call.flag('convergent');
  const isRandom = call.flag('random-key');
  if (isConvergent && isRandom)
    throw new UserError('usage', '--convergent and --random-key exclude each other');
  return {
    ...(key !== undefined && { key }),
    ...(isConvergent && { convergence: 'public' as const }),
    ...(isRandom && { convergence: 'random' as const }),
    ...(call.flag('key-only') && { keyOnly: true }),
  };
}

function typeOption(call: Invocation, fileName: string): Partial<Params<'request.put'>> {
  const mimeType = call.text('type') ?? mimeTypeOf(fileName);
  return mimeType === undefined ? {} : { mimeType };
}

async function putStdin(call: Invocation): Promise<number> {
  for (const option of ['convergent', 'random-key', 'key-only']) {
    if (call.flag(option))
      throw new UserError('usage', `--${option} needs a file: stdin is read once, through the web interface`);
  }
  if (!call.flag('wait'))
    throw new UserError('usage', '--no-wait needs a file: the daemon reads stdin through this command');
  const uri = targetUri(call.text('key') ?? 'chk');
  const { dataDir } = call.places;
  return streamed(call, async (signal) => {
    const found = await upload(
      { dataDir, uri, signal },
      { source: call.io.stdin, mimeType: call.text('type') },
    );
    printLine(call.io, found);
  });
}

/** The web interface takes keys as such, and no names of own keys. */
function targetUri(key: string): string | undefined {
  if (key === 'chk') return undefined;
  if (key.startsWith('ssk:'))
    throw new UserError('usage', `--key ${key} needs a file: see \`mimeo key export\` for an insert form`);
  return key.startsWith('ksk:') ? `KSK@${key.slice('ksk:'.length)}` : key;
}
