/** Everything that reads foreign bytes, by name. A new reader is a file in targets/ and a name here; its tests follow from that. */
import { planted } from './planted.ts';
import type { Target } from './target.ts';
import { block } from './targets/block.ts';
import { cbor } from './targets/cbor.ts';
import { config } from './targets/config.ts';
import { invite } from './targets/invite.ts';
import { lines } from './targets/lines.ts';
import { message } from './targets/message.ts';
import { metadata } from './targets/metadata.ts';
import { multipart } from './targets/multipart.ts';
import { reference } from './targets/reference.ts';
import { request } from './targets/request.ts';
import { rpc } from './targets/rpc.ts';
import { uri } from './targets/uri.ts';

export const targets: readonly Target[] = [
  cbor,
  uri,
  block,
  message,
  reference,
  invite,
  metadata,
  lines,
  rpc,
  config,
  multipart,
  request,
];

/** A child also runs the planted ones, which only the test of the fuzzer itself asks for. */
export function targetNamed(name: string): Target | undefined {
  return [...targets, ...planted].find((target) => target.name === name);
}
