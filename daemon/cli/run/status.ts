/** `mimeo status`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError, type Result } from '../../../client/index.ts';
import { formatDuration, formatSize } from '../../config/units.ts';
import type { Invocation } from '../invocation.ts';
import { plain, printJson, printLine, table } from '../io.ts';

const RETRY_MS = 100;

export async function status(call: Invocation): Promise<number> {
  const result = await askPatiently(call, performance.now() + (call.durationMs('wait') ?? 0));
  if (call.flag('json')) printJson(call.io, result);
  else printLine(call.io, statusText(result));
  return 0;
}

/** @throws UserError daemon_not_running, once the time is over */
async function askPatiently(call: Invocation, deadline: number): Promise<Result<'node.status'>> {
  for (;;) {
    try {
      return await call.withApi((api) => api.call('node.status', {}));
    } catch (error) {
      const isStarting = error instanceof UserError && error.code === 'daemon_not_running';
      if (!isStarting || performance.now() >= deadline) throw error;
      await sleep(RETRY_MS);
    }
  }
}

export function statusText({
  sentence,
  warnings,
  state,
  uptimeSeconds,
  peers,
  joining,
  anonymity,
  requests,
  jobs,
  store,
}: Result<'node.status'>): string {
  // There is nothing to count yet.
  if (state === 'locked') return plain(sentence);
  const rows = [
    ['up', formatDuration(uptimeSeconds * 1000)],
    ['peers', `${peers.connected} connected, ${peers.known} known`],
    ...(joining === undefined ? [] : [['strangers', plain(joining.sentence)]]),
    ...(anonymity === undefined ? [] : [['anonymity', plain(anonymity.sentence)]]),
    ['requests', `${requests.pending} passing`],
    ['jobs', `${jobs.running} running`],
    ['store', `${formatSize(store.usedBytes)} of ${formatSize(store.limitBytes)} used`],
    ['blocks', `${store.storeBlocks} in the store, ${store.cacheBlocks} in the cache`],
  ];
  return [plain(sentence), ...warnings.map((warning) => `! ${plain(warning)}`), '', table(rows)].join('\n');
}
