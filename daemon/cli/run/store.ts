/** `mimeo store …`. */
import { UserError, type Result } from '../../../client/index.ts';
import { formatSize, parseSize } from '../../config/units.ts';
import type { Invocation } from '../invocation.ts';
import { printJson, printLine, say, table } from '../io.ts';

export async function stats(call: Invocation): Promise<number> {
  show(call, await call.withApi((api) => api.call('store.stats', {})));
  return 0;
}

export async function verify(call: Invocation): Promise<number> {
  const report = await call.withApi((api) => api.call('store.verify', {}));
  if (call.flag('json')) printJson(call.io, report);
  else printLine(call.io, table(Object.entries(report).map(([what, count]) => [what, String(count)])));
  if (report.damaged > 0) say(call.io, 'Damaged blocks were dropped; the network may still have them.');
  return 0;
}

export async function resize(call: Invocation): Promise<number> {
  const size = call.operand(0);
  const sizeBytes = parseSize(size);
  if (sizeBytes === undefined || sizeBytes === 0)
    throw new UserError('usage', `${size} is no size: like 10GiB`);
  show(call, await call.withApi((api) => api.call('store.resize', { sizeBytes })));
  say(call.io, 'A store.size in mimeo.toml, the environment or an option counts again at the next start.');
  return 0;
}

function show(call: Invocation, info: Result<'store.stats'>): void {
  if (call.flag('json')) printJson(call.io, info);
  else printLine(call.io, table(rows(info)));
}

function rows(info: Result<'store.stats'>): string[][] {
  const { store, cache, clientCache, slots } = info;
  return [
    ['store', `${of(store)}, ${store.protectedBlocks} protected`],
    ['cache', of(cache)],
    ['own cache', of(clientCache)],
    ['uploads', formatSize(info.spoolBytes)],
    ['disk', `${formatSize(info.usedBytes)} of ${formatSize(info.limitBytes)}`],
    ['silent', info.silent ? 'yes' : `not yet: ${slots.filled} of ${slots.total} slots are filled`],
    ['format', String(info.format)],
  ];
}

function of({ blocks, capacityBlocks }: { blocks: number; capacityBlocks: number }): string {
  return `${blocks} of ${capacityBlocks} blocks`;
}
