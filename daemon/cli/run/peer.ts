/** `mimeo peer …`. */
import type { Result } from '../../../client/index.ts';
import { formatDuration } from '../../config/units.ts';
import type { Invocation } from '../invocation.ts';
import { plain, printJson, printLine, readText, table } from '../io.ts';

export async function list(call: Invocation): Promise<number> {
  const result = await call.withApi((api) => api.call('peer.list', {}));
  if (call.flag('json')) printJson(call.io, result);
  else if (result.peers.length > 0) printLine(call.io, table(result.peers.map(row)));
  return 0;
}

function row(peer: Result<'peer.list'>['peers'][number]): string[] {
  const since = peer.connectedSeconds === undefined ? '' : ` ${formatDuration(peer.connectedSeconds * 1000)}`;
  const why = peer.state === 'connected' || peer.lastFailure === undefined ? '' : `: ${peer.lastFailure}`;
  return [
    peer.identity,
    peer.tie,
    peer.location.toFixed(4),
    plain(peer.addresses.join(' ')),
    plain(`${peer.state}${since}${why}`),
  ];
}

export async function add(call: Invocation): Promise<number> {
  const given = call.operand(0);
  const reference = given === '-' ? await readText(call.io) : given;
  const { identity } = await call.withApi((api) => api.call('peer.add', { reference }));
  printLine(call.io, identity);
  return 0;
}

export async function remove(call: Invocation): Promise<number> {
  const { identity } = await call.withApi((api) => api.call('peer.remove', { identity: call.operand(0) }));
  printLine(call.io, identity);
  return 0;
}

export async function ref(call: Invocation): Promise<number> {
  const { reference } = await call.withApi((api) => api.call('peer.reference', {}));
  printLine(call.io, reference);
  return 0;
}
