/**
 * The daemon without the stem, in a process of its own: `node stemless.ts daemon --data-dir DIR …`, with the settings of `mimeo daemon`. It is
 * how benches get one; nothing that a person can set leads to it.
 */
import { parseArgs } from 'node:util';
import { loadConfig } from '../../daemon/config/load.ts';
import { optionName, settingNames } from '../../daemon/config/settings.ts';
import { runDaemon } from '../../daemon/process.ts';

// As daemon/mimeo.js does it: without, the two runs of the bench would not compare.
const flag = '--max-semi-space-size=2';
if (!process.execArgv.includes(flag) && typeof process.execve === 'function') {
  const again = [process.execPath, ...process.execArgv, flag, ...process.argv.slice(1)];
  process.execve(process.execPath, again, { ...process.env, MALLOC_ARENA_MAX: '1' });
}

const names = ['data-dir', ...settingNames.map(optionName)];
const { values } = parseArgs({
  args: process.argv.slice(3),
  options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
});
const flags = Object.fromEntries(
  settingNames.flatMap((name) => {
    const value = values[optionName(name)];
    return value === undefined ? [] : [[name, value]];
  }),
);
const dataDir = values['data-dir'];
process.exit(
  await runDaemon(loadConfig({ dataDir, flags, env: process.env, cwd: process.cwd() }), { stem: 'off' }),
);
