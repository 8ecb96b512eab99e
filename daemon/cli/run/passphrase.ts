/**
 * `mimeo key passphrase`: through the daemon where one runs, else on the data directory itself, under its lock. It asks for what
 * it was not given: the present one where there is one, the new one twice.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { UserError } from '../../../client/index.ts';
import { prepareDataDir } from '../../config/data-dir.ts';
import { lockDataDir } from '../../config/lock.ts';
import * as vault from '../../node/vault.ts';
import type { Invocation } from '../invocation.ts';
import { say } from '../io.ts';
import { readPassphraseFile } from '../passphrase.ts';

interface Change {
  readonly current: string | undefined;
  readonly next: string | undefined;
}

export async function changePassphrase(call: Invocation): Promise<number> {
  assertUsage(call);
  const state = await changeThere(call).catch((error: unknown) => {
    if (!(error instanceof UserError) || error.code !== 'daemon_not_running') throw error;
    return changeHere(call);
  });
  say(
    call.io,
    state === 'set'
      ? 'The passphrase is set. The old file was overwritten; an SSD, a copying file system and backups may keep it.'
      : 'There is no passphrase any more: who has the disk can read it.',
  );
  return 0;
}

/** By the daemon. @throws UserError daemon_not_running, … */
function changeThere(call: Invocation): Promise<vault.PassphraseState> {
  return call.withApi(async (api) => {
    const { state, passphrase = 'none' } = await api.call('node.info', {});
    if (state === 'locked')
      throw new UserError('locked', 'this node is locked: unlock it first, or stop it and try again');
    const { current, next } = await ask(call, passphrase);
    const params = { ...(current !== undefined && { current }), ...(next !== undefined && { next }) };
    return (await api.call('key.passphrase', params)).passphrase;
  });
}

/** Without a daemon, and so that none can start meanwhile. */
async function changeHere(call: Invocation): Promise<vault.PassphraseState> {
  const { dataDir } = call.places;
  if (!existsSync(dataDir)) throw noKeys(dataDir);
  prepareDataDir(dataDir);
  const lock = lockDataDir(dataDir);
  try {
    const state = vault.passphraseState(dataDir);
    if (state === undefined) throw noKeys(dataDir);
    const random = { bytes: (count: number) => randomBytes(count) };
    return await vault.changePassphrase(dataDir, { ...(await ask(call, state)), random });
  } finally {
    lock.release();
  }
}

function noKeys(dataDir: string): UserError {
  return new UserError('keys_missing', `there is no key in ${dataDir}: the first start of a daemon makes it`);
}

function assertUsage(call: Invocation): void {
  const [current, next] = [call.text('passphrase-file'), call.text('new-passphrase-file')];
  if (call.flag('remove') && next !== undefined)
    throw new UserError('usage', '--remove and --new-passphrase-file exclude each other');
  if (current === '-' && next === '-') throw new UserError('usage', 'stdin can hold only one of the two');
}

async function ask(call: Invocation, state: vault.PassphraseState): Promise<Change> {
  const files = { current: call.text('passphrase-file'), next: call.text('new-passphrase-file') };
  if (state === 'none' && call.flag('remove'))
    throw new UserError('usage', 'there is no passphrase to remove');
  const given = {
    current: files.current === undefined ? undefined : await readPassphraseFile(files.current, call.io.stdin),
    next: files.next === undefined ? undefined : await readPassphraseFile(files.next, call.io.stdin),
  };
  const asksCurrent = state === 'set' && given.current === undefined;
  const asksNext = !call.flag('remove') && given.next === undefined;
  const questions = [
    ...(asksCurrent ? ['Present passphrase: '] : []),
    ...(asksNext ? ['New passphrase (8 characters or more): ', 'The same again: '] : []),
  ];
  const answers = questions.length === 0 ? [] : await askPerson(call, questions);
  const current = asksCurrent ? answers.shift() : given.current;
  if (!asksNext) return { current, next: given.next };
  const [next, again] = answers;
  if (next !== again) throw new UserError('bad_passphrase', 'the two differ: nothing was changed');
  return { current, next: next ?? '' };
}

function askPerson(call: Invocation, questions: readonly string[]): Promise<string[]> {
  if (call.io.askSecrets === undefined)
    throw new UserError(
      'usage',
      'there is no terminal to ask for passphrases: use --passphrase-file and --new-passphrase-file',
    );
  return call.io.askSecrets(questions);
}
