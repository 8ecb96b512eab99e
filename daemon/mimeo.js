#!/usr/bin/env node
/**
 * The command `mimeo` on whatever Node starts it: plain JavaScript, because an old Node can't read TypeScript. It runs the program
 * where Node is new enough, else it runs itself again on the Node that the package `node` brings. It knows nothing of commands.
 *
 * Invariant: standard streams, signals and exit status are those of the program, as if there were no second process.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED_MAJOR = 24;

if (majorOf(process.versions.node) >= NEEDED_MAJOR) {
  if (process.argv[2] === 'daemon') tuneMemory();
  // Sources in a checkout, compiled files in the published package.
  const main = existsSync(new URL('./main.ts', import.meta.url)) ? './main.ts' : './main.js';
  await import(main);
} else {
  const node = findNode();
  if (node === undefined) {
    process.stderr.write(
      `mimeo: needs Node ${NEEDED_MAJOR} or newer, this is ${process.versions.node} (failed). ` +
        'Install it, or run npm ci where mimeo lies.\n',
    );
    process.exitCode = 1;
  } else {
    runOn(node);
  }
}

/**
 * A daemon hands blocks of 32 KiB through its memory all day. With the defaults of V8 and glibc they pile up between two
 * collections and are spread over an arena for each thread. Three nodes that pass 384 MiB on then hold 194, 152 and 168 MiB and
 * use 32 s of CPU; with these they hold 108, 122 and 126 and use 28. Only a fresh process can take them, so it takes its place:
 * same pid, same streams.
 */
function tuneMemory() {
  const flag = '--max-semi-space-size=2';
  if (process.execArgv.includes(flag) || typeof process.execve !== 'function') return;
  const args = [process.execPath, ...process.execArgv, flag, ...process.argv.slice(1)];
  process.execve(process.execPath, args, { ...process.env, MALLOC_ARENA_MAX: '1' });
}

/** The executable of the package `node`, looked up from this file and not from the working directory: that may be anybody's. */
function findNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
    const path = join(dirname(manifest), 'bin', 'node');
    // Another old one would start itself for ever.
    return majorOf(version) >= NEEDED_MAJOR && existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function runOn(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
  for (const signal of forwarded) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(
      `mimeo: can't run ${node}: ${error.message} (failed). Run npm ci where mimeo lies.\n`,
    );
    process.exit(1);
  });
  child.on('exit', (status, signal) => {
    if (signal === null) process.exit(status ?? 1);
    for (const name of forwarded) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

function majorOf(version) {
  return Number(version.split('.')[0]);
}
