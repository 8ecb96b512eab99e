/** Everything that reads foreign bytes, by name. A new reader is a file in targets/ and a name in a list; its test follows from that. */
import { planted } from './planted.ts';
import type { Target } from './target.ts';
import { block } from './targets/block.ts';
import { callers } from './targets/callers.ts';
import { cbor } from './targets/cbor.ts';
import { config } from './targets/config.ts';
import { daemonfile } from './targets/daemonfile.ts';
import { frames } from './targets/frames.ts';
import { invite } from './targets/invite.ts';
import { lines } from './targets/lines.ts';
import { master } from './targets/master.ts';
import { message } from './targets/message.ts';
import { metadata } from './targets/metadata.ts';
import { multipart } from './targets/multipart.ts';
import { opening } from './targets/opening.ts';
import { payload } from './targets/payload.ts';
import { recency } from './targets/recency.ts';
import { reference } from './targets/reference.ts';
import { reply } from './targets/reply.ts';
import { request } from './targets/request.ts';
import { row } from './targets/row.ts';
import { rpc } from './targets/rpc.ts';
import { sealed } from './targets/sealed.ts';
import { slot } from './targets/slot.ts';
import { uri } from './targets/uri.ts';

/** From other nodes: what they say and have stored. The lists take about as long as each other: their tests run at the same time. */
export const networkTargets: readonly Target[] = [cbor, uri, block, message, metadata, payload];

/** From other nodes: how links come to be, and what they carry. */
export const linkTargets: readonly Target[] = [reference, invite, opening, frames];

/** From the disk, from local sockets, from a browser. */
export const localTargets: readonly Target[] = [
  sealed,
  master,
  callers,
  slot,
  row,
  recency,
  lines,
  rpc,
  reply,
  config,
  daemonfile,
  multipart,
  request,
];

export const targets: readonly Target[] = [...networkTargets, ...linkTargets, ...localTargets];

/** A child also runs the planted ones, which only the test of the fuzzer itself asks for. */
export function targetNamed(name: string): Target | undefined {
  return [...targets, ...planted].find((target) => target.name === name);
}
