/** What this node tells others of itself: who it is, how to call it, and where. */
import type { Identity } from '../../keys/index.ts';
import {
  type LinkKeys,
  type NodeReference,
  decodeReference,
  encodeReference,
  formatAddress,
  transportLimits,
} from '../../transport/index.ts';
import { reachableAddresses } from '../host/addresses.ts';

export interface OwnNode {
  readonly identity: Identity;
  readonly keys: LinkKeys;
  /** 32 bytes. */
  readonly network: Uint8Array;
  /** `host` or `host:port` each; where it listens if there are none. */
  readonly addresses: readonly string[];
  /** What callers have to send first; mostly nothing. */
  readonly prefix: Uint8Array;
  /** SOCKS5: every dial goes through it. */
  readonly proxy: { readonly host: string; readonly port: number } | undefined;
}

export function ownReference(own: OwnNode, listening: { host: string; port: number }): NodeReference {
  // Who hides behind a proxy does not tell everybody it calls where it is.
  const found = own.proxy === undefined ? reachableAddresses(listening) : [];
  const all = own.addresses.length > 0 ? own.addresses.map((host) => withPort(host, listening.port)) : found;
  const addresses = all.slice(0, transportLimits.referenceAddresses.value);
  return decodeReference(encodeReference({ ...own, addresses }));
}

function withPort(host: string, port: number): string {
  return /:\d+$/.test(host) && !host.endsWith(']') ? host : formatAddress({ host, port });
}
