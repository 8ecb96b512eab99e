/** What the two processes of the link bench must agree on: how much is sent, in which pieces, and who they are. */
import { randomBytes } from 'node:crypto';
import { type Random, BLOCK_BYTES, assert, block } from '../../keys/index.ts';
import { type Message, encodeMessage, routingLimits } from '../../routing/index.ts';

export const HOST = '127.0.0.1';
/** Numbers of test identities. */
export const DIALLER = 1;
export const LISTENER = 2;

export const random: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) };

/** Messages with blocks, as an insert sends them. More of them than a core's cache holds, like the blocks of a transfer. */
const PAYLOADS = Array.from({ length: 64 }, (_, index) => {
  // From 2^16 on, so that each id takes as many bytes, as nearly all of them do.
  const message = { type: 'insertBlock', id: 2 ** 16 + index, block: block(random.bytes(BLOCK_BYTES)) };
  return encodeMessage(message as Message);
});
export const MESSAGES = 4_096;
export const PAYLOAD_BYTES = payload(0).length;
/** About 135 MB. */
export const ROUND_BYTES = MESSAGES * PAYLOAD_BYTES;

/** No link changes it. */
export function payload(turn: number): Uint8Array {
  const bytes = PAYLOADS[turn % PAYLOADS.length];
  assert(bytes !== undefined && bytes.length === PAYLOADS[0]?.length, 'all payloads are of one length');
  return bytes;
}

/** The receiver says so after so many, and the sender goes no further ahead than a peer has requests open: 4 MiB. */
export const ACK_EVERY = 16;
export const AHEAD = routingLimits.pendingPerLink.value;

/** As large as an answer without a block. */
export const CONTROL_BYTES = 48;
export const CONTROLS = 1_000;

export type Task = 'tcp' | 'link' | 'control';
/** Where the receiver listens. */
export interface Ports {
  readonly tcp: number;
  readonly link: number;
}
/** Of a task: how long it took, and how late each control message came, if it sent any. */
export interface Outcome {
  readonly seconds: number;
  readonly delaysMs: readonly number[];
}
