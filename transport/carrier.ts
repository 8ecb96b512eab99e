/**
 * A carrier is an ordered byte stream between two nodes: TCP now, SOCKS5 and circuits over friends later. It is all that a
 * session knows of the network below it. It does not frame, encrypt or authenticate, and it has no addresses.
 *
 * Invariants (test/compliance/carrier.ts): bytes arrive in order, once, or the carrier closes; after `closed` nothing is
 * delivered; `write` never blocks and never throws, it reports its backlog and the caller stops in time.
 */
export interface Carrier {
  /**
   * Queues `bytes` for sending; after `close` or `destroy` they are dropped. The carrier owns them from here on: the caller
   * doesn't touch them again.
   */
  write(bytes: Uint8Array): void;
  /** Bytes queued and not yet taken by the operating system. */
  readonly backlogBytes: number;
  /** Sends what is queued, then closes. The own listener hears nothing more but `closed`. Calling it again does nothing. */
  close(): void;
  /** Closes at once and drops what is queued. The own listener hears nothing more but `closed`. */
  destroy(): void;
}

/** What a carrier tells its owner. All calls come from the event loop, never from inside `write`, `close` or `destroy`. */
export interface CarrierListener {
  /** A chunk of any size ≥ 1; valid only during the call: keep a copy. */
  received(bytes: Uint8Array): void;
  /** The backlog has gone down to zero. */
  drained(): void;
  /** Once, last. `reason` is for the log. */
  closed(reason: string): void;
}
