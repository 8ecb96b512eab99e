/**
 * `daemon.json` in the data directory: how a command finds the daemon that runs there. Written when the daemon is ready, removed
 * when it stops; after a crash it stays behind, so it says where to knock and not that somebody is at home.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const schema = z.object({
  pid: z.number().int().positive(),
  rpcSocket: z.string(),
  /** Origin of the web interface; absent for a donor. */
  fproxy: z.string().optional(),
  /** host:port for other nodes. */
  listen: z.string(),
  version: z.string(),
});

export type DaemonFile = z.output<typeof schema>;

function pathIn(dataDir: string): string {
  return join(dataDir, 'daemon.json');
}

/** In one step: a reader sees all of it or none. */
export function writeDaemonFile(dataDir: string, content: DaemonFile): void {
  const draft = `${pathIn(dataDir)}.new`;
  writeFileSync(draft, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, pathIn(dataDir));
}

/** Undefined where no daemon has become ready, or where the file is none of ours. */
export function readDaemonFile(dataDir: string): DaemonFile | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(pathIn(dataDir), 'utf8')));
  } catch {
    return undefined;
  }
}

export function removeDaemonFile(dataDir: string): void {
  rmSync(pathIn(dataDir), { force: true });
}
