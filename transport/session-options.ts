/** What a session needs to know of its own node. All sessions of a node share one replay guard. */
import type { Random } from '../keys/index.ts';
import type { LinkKeys } from './link-keys.ts';
import type { NodeReference } from './reference.ts';
import type { ReplayGuard } from './replay.ts';
import type { VersionRange } from './version.ts';

export interface SessionOptions {
  /** The own reference: network, prefix, and what a called node is told of us. */
  readonly self: NodeReference;
  /** Those that the own reference names. */
  readonly keys: LinkKeys;
  readonly versions: VersionRange;
  readonly random: Random;
  readonly replay: ReplayGuard;
  /** The limits `rekeyMs` and `rekeyBytes` unless a test needs smaller ones. */
  readonly rekey?: RekeyLimits;
}

/** When keys are old: the dialler replaces them. At twice either the link is closed. */
export interface RekeyLimits {
  readonly afterMs: number;
  /** Sent or received under one key, as bytes on the wire. */
  readonly afterBytes: number;
}
