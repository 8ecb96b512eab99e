/** `mimeo unlock`: the passphrase from a file or a person, once. A wrong one is said, and the node stays locked. */
import { UserError } from '../../../client/index.ts';
import type { Invocation } from '../invocation.ts';
import { plain, say } from '../io.ts';
import { readPassphraseFile } from '../passphrase.ts';

export async function unlock(call: Invocation): Promise<number> {
  return call.withApi(async (api) => {
    const before = await api.call('node.status', {});
    if (before.state !== 'locked') {
      say(call.io, 'This node is not locked.');
      return 0;
    }
    await api.call('node.unlock', { passphrase: await givenPassphrase(call) });
    say(call.io, plain((await api.call('node.status', {})).sentence));
    return 0;
  });
}

async function givenPassphrase(call: Invocation): Promise<string> {
  const path = call.text('passphrase-file');
  if (path !== undefined) return readPassphraseFile(path, call.io.stdin);
  if (call.io.askSecrets === undefined)
    throw new UserError('usage', 'there is no terminal to ask for the passphrase: use --passphrase-file');
  const [answer = ''] = await call.io.askSecrets(['Passphrase: ']);
  return answer;
}
