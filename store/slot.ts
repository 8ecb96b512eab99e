/**
 * The bytes of a slot (docs/spec/store.md, 3): head, block, padding. Knows no files.
 *
 * The head is not encrypted: whoever holds the disk sees which routing keys lie there. Keyed slot ids and sealed contents will
 * replace the insides of this file.
 *
 * Invariant: `blockInSlot` gives the block that `slotHead` was made for, or nothing. A slot that was torn by a crash, rotted on
 * disk or holds another key's block fails the check.
 */
import { BLOCK_BYTES, KEY_BYTES, block, equalBytes, primitives, routingKey } from '../keys/index.ts';
import type { Block, RoutingKey } from '../keys/index.ts';

const CHECK_BYTES = 16;
export const SLOT_HEAD_BYTES = KEY_BYTES + CHECK_BYTES;
/** Head and block: what is read back. */
export const SLOT_USED_BYTES = SLOT_HEAD_BYTES + BLOCK_BYTES;
/**
 * 65 sectors of 512 bytes: no sector belongs to two slots, so a write that is torn by a power cut cannot reach a neighbour on disks
 * that write sectors whole. Rounding to pages of 4,096 would cost 11 % of the room.
 */
export const SLOT_BYTES = 65 * 512;

const CHECK_DOMAIN = Buffer.from('mimeo/store/slot/1');
const FREE_HEAD = new Uint8Array(SLOT_HEAD_BYTES);

/** Key and check: what stands before the block. */
export function slotHead({ key, block }: { readonly key: RoutingKey; readonly block: Block }): Uint8Array {
  const head = new Uint8Array(SLOT_HEAD_BYTES);
  head.set(key);
  head.set(check(key, block), KEY_BYTES);
  return head;
}

/** The head of a slot that holds nothing. */
export function freeHead(): Uint8Array {
  return FREE_HEAD.slice();
}

/** The key that a head names, copied; undefined for a free slot. Says nothing about whether the block is whole. */
export function keyInHead(head: Uint8Array): RoutingKey | undefined {
  if (equalBytes(head, FREE_HEAD)) return undefined;
  return routingKey(head.slice(0, KEY_BYTES));
}

/** The block of `key` as a view on `slot` (`SLOT_USED_BYTES` of it); undefined when the slot is torn, damaged or another key's. */
export function blockInSlot({ key, slot }: { key: RoutingKey; slot: Uint8Array }): Block | undefined {
  const found = block(slot.subarray(SLOT_HEAD_BYTES, SLOT_USED_BYTES));
  return equalBytes(slot.subarray(KEY_BYTES, SLOT_HEAD_BYTES), check(key, found)) ? found : undefined;
}

function check(key: RoutingKey, block: Block): Uint8Array {
  return primitives.sha256(CHECK_DOMAIN, key, block).subarray(0, CHECK_BYTES);
}
