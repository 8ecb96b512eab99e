/** A home whose daemon is locked at its next start. */
import type { Test } from 'tap';
import { Home } from './home.ts';

export const PASSPHRASE = 'correct horse battery staple';

/** With one own key, stopped. */
export async function lockedHome(t: Test): Promise<{ home: Home; key: string; file: string }> {
  const home = new Home(t);
  const file = home.file('passphrase', `${PASSPHRASE}\n`);
  t.match(await home.start('--passphrase-file', file), { status: 0, stderr: /^listening on/ });
  const { stdout } = await home.mimeo('key', 'create', 'diary');
  t.match(await home.mimeo('stop'), { status: 0 });
  return { home, key: stdout.trim(), file };
}
