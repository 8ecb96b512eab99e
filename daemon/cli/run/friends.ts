/** `mimeo invite` and `mimeo join`. */
import type { Invocation } from '../invocation.ts';
import { printLine, readText, say } from '../io.ts';

export async function invite(call: Invocation): Promise<number> {
  const { invite, expiresSeconds } = await call.withApi((api) => api.call('peer.invite', {}));
  printLine(call.io, invite);
  const until = new Date(expiresSeconds * 1_000).toISOString().slice(0, 10);
  say(
    call.io,
    `For one friend, until ${until}. Send it where nobody else reads: who pastes it first is the friend.`,
  );
  return 0;
}

export async function join(call: Invocation): Promise<number> {
  const given = call.operand(0);
  const line = given === '-' ? await readText(call.io) : given;
  const { identity } = await call.withApi((api) => api.call('peer.join', { invite: line }));
  printLine(call.io, identity);
  return 0;
}
