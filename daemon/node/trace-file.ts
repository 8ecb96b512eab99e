/**
 * What passed through this node, one JSON object a line: for measuring in test networks, where it shows the way of a block
 * without a hop count on the wire. It names keys, so no other network class can be traced (node.ts).
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { type RoutingKey, toText } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import type { Trace } from '../../routing/index.ts';

type TraceRecord =
  ({ readonly type: 'answered' } & Trace) | { readonly type: 'kept'; readonly key: RoutingKey };

export interface TraceFile {
  write(record: TraceRecord): void;
  close(): void;
}

/** @throws UserError config_invalid */
export function openTrace(path: string | undefined): TraceFile | undefined {
  if (path === undefined) return undefined;
  const file = openFile(path);
  let lines = '';
  const flush = (): void => {
    const ready = lines;
    lines = '';
    // After `close` nothing is left to flush.
    if (ready !== '') writeSync(file, ready);
  };
  return {
    write: ({ key, ...fields }) => {
      // One write for all that a turn of the loop has to say, so that measuring disturbs little.
      if (lines === '') setImmediate(flush);
      lines += `${JSON.stringify({ t: Date.now(), key: toText(key), ...fields })}\n`;
    },
    close: () => {
      flush();
      closeSync(file);
    },
  };
}

function openFile(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UserError('config_invalid', `can't write the trace to ${path}: ${code}`, { cause: error });
  }
}
