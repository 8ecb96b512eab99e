/**
 * What a node knows of its stem that must outlive the process (docs/spec/stem.md, 8): forgetting it would mean to draw anew, and each
 * draw is one more chance for a spy. The host keeps it as it is.
 *
 * Times are milliseconds of the wall clock. One that lies ahead, because the clock went back, counts as now.
 */
export interface KeptGuard {
  /** Text form of the identity's public key. */
  readonly identity: string;
  /** Who may be one and the same operator. */
  readonly group: string;
  /** To dial it; undefined of friends and chosen peers, whom the host dials. */
  readonly reference: Uint8Array | undefined;
  readonly kind: 'friend' | 'other';
  readonly isProvisional: boolean;
  readonly drawnAt: number;
  readonly endsAt: number;
  /** When it was last connected. */
  readonly seenAt: number;
}

export interface StemState {
  /** 32 bytes, for the ways of what is passed on. */
  readonly secret: Uint8Array;
  /** In the order in which they are used. */
  readonly guards: readonly KeptGuard[];
  /** When guards were drawn, those included that are none any more; ascending. */
  readonly draws: readonly number[];
  /** Who has a place here, in the order in which it was given. */
  readonly places: readonly { readonly identity: string; readonly group: string; readonly seenAt: number }[];
  /** How long peers were confirmed altogether, in milliseconds; the longest first. */
  readonly connected: readonly { readonly identity: string; readonly ms: number }[];
  /** Ways that came back: the names of mapping.ts. */
  readonly loops: readonly string[];
}
