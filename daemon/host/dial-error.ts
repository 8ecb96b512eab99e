/**
 * Why a carrier could not be opened, where the operating system has no code of its own for it. For the log and `mimeo peer list`:
 * nobody but the owner of this node is told.
 */
export type DialErrorCode =
  /** An onion address, and no proxy that could reach it. */
  | 'onion_needs_proxy'
  /** An address that would mean the proxy's own machine. */
  | 'local_through_proxy'
  /** An address that only this node could reach, named by a stranger. */
  | 'local_of_stranger'
  /** The proxy itself does not answer. */
  | 'proxy_unreachable'
  /** The proxy says no, or that it could not connect. */
  | 'proxy_refused'
  /** What answers is no SOCKS5 proxy, or breaks off. */
  | 'proxy_invalid'
  /** The proxy has not said anything final in time. */
  | 'proxy_timeout'
  /** Nobody wants the carrier any more. */
  | 'dial_cancelled';

export class DialError extends Error {
  override readonly name = 'DialError';
  readonly code: DialErrorCode;

  constructor(code: DialErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
