/**
 * The parameters of a network: what all of its nodes must agree on for requests to end and blocks to be found. They are bound
 * into the network id, and links between different ids don't come up. No other file has a literal 20 or 6.
 *
 * Deliberately not here: what a node decides for itself (rates, sizes of queues: limits.ts).
 */
import { primitives } from '../keys/index.ts';

export interface NetworkParams {
  readonly name: string;
  /** Visits that a search may use. */
  readonly htl: number;
  /** Visits without progress that end it; undefined: only HTL does. */
  readonly stallLimit: number | undefined;
  /** No node names those that were visited before this many visits of HTL are spent: they would be close to who asked. */
  readonly hintsAfter: number;
  /** How long the one who asks first waits. */
  readonly deadlineMs: number;
  /** By how much each hop asks for less, so that it is done before it is given up. */
  readonly hopMarginMs: number;
  /** A hop is silent when it hasn't accepted within max(`acceptFloorMs`, `acceptRtts` round trips). */
  readonly acceptFloorMs: number;
  readonly acceptRtts: number;
  /** An accepted request is confirmed this often while it goes on … */
  readonly workingEveryMs: number;
  /** … and its hop is silent after this long without a word. */
  readonly workingPatienceMs: number;
  /** How long the block of an accepted insert may take. */
  readonly blockPatienceMs: number;
  /** How long a uid is refused after its request was answered. */
  readonly seenKeepMs: number;
  /** How long a fetch waits for another one for the same key before it runs alone. */
  readonly coalesceWaitMs: number;
  /** Back-off from a peer that is overloaded or silent: doubles from `first` to `most`. */
  readonly backoffFirstMs: number;
  readonly backoffMostMs: number;
  /** A block is stored where fewer than this many usable peers are closer. */
  readonly storeRank: number;
  /** A peer counts for the store rule once its link is this old. */
  readonly usableAfterMs: number;
  /** A peer can be drawn as a guard once it was connected for so long, altogether (docs/spec/stem.md, 2). */
  readonly guardAfterMs: number;
  /** Whether nodes look for peers among strangers (docs/spec/peers.md). */
  readonly opennet: 'yes' | 'no';
  /** Whether nodes may write what they pass on to a file, for measuring. */
  readonly traceable: boolean;
}

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

const open: NetworkParams = {
  name: 'open',
  htl: 20,
  stallLimit: 6,
  hintsAfter: 3,
  deadlineMs: 120 * SECOND,
  hopMarginMs: 2 * SECOND,
  acceptFloorMs: 1 * SECOND,
  acceptRtts: 4,
  workingEveryMs: 5 * SECOND,
  workingPatienceMs: 12 * SECOND,
  blockPatienceMs: 10 * SECOND,
  seenKeepMs: 120 * SECOND,
  coalesceWaitMs: 2 * SECOND,
  backoffFirstMs: 1 * SECOND,
  backoffMostMs: 60 * SECOND,
  storeRank: 4,
  usableAfterMs: 24 * HOUR,
  guardAfterMs: 24 * HOUR,
  opennet: 'yes',
  traceable: false,
};

/** Long searches leave copies enough. */
const friends = { ...open, opennet: 'no', stallLimit: undefined, storeRank: 3 } as const;

export const networks = {
  open,
  'friends-small': { ...friends, name: 'friends-small', htl: 25, deadlineMs: 150 * SECOND },
  'friends-medium': { ...friends, name: 'friends-medium', htl: 80, deadlineMs: 480 * SECOND },
  /**
   * A few dozen real nodes on one machine: young links count, what passes may be traced, and a search ends sooner. With the
   * stall limit of `open` an insert visits eight of twelve nodes, and nothing is left for a fetch to spread to (simulated, 4 to 5
   * links: 5.8 copies, 6.0 after two fetches; with 3 it is 4.0 and 4.5).
   */
  testnet: {
    ...open,
    name: 'testnet',
    stallLimit: 3,
    storeRank: 3,
    usableAfterMs: 0,
    guardAfterMs: 0,
    traceable: true,
  },
} as const satisfies Record<string, NetworkParams>;

export type NetworkName = keyof typeof networks;

export function isNetworkName(name: string): name is NetworkName {
  return Object.hasOwn(networks, name);
}

/** 32 bytes that both ends of a link must share (docs/spec/links.md, handshake). */
export function networkId(params: NetworkParams): Uint8Array {
  const bound = [params.name, params.htl, params.stallLimit ?? 'none', params.storeRank].join('/');
  return primitives.sha256(Buffer.from('mimeo/network/1/'), Buffer.from(bound));
}
