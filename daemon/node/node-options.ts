/** What a node is told before it starts. Where each value comes from is config/'s; what follows from the network class is here. */
import type { Logger } from 'pino';
import { UserError } from '../../client/index.ts';
import { type NetworkParams, isNetworkName, networks } from '../../routing/index.ts';
import type { StrangerMode } from './joining.ts';
import type { MasterKey } from './master-key.ts';

export interface NodeOptions {
  /** Exists, is locked and belongs to this process. */
  readonly dataDir: string;
  /** What the disk is sealed under; lies open in `dataDir` or was unlocked (vault.ts). */
  readonly master: MasterKey;
  readonly listen: { readonly host: string; readonly port: number };
  /** Name of the network class (routing/network.ts). */
  readonly network: string;
  readonly storeSizeBytes: number;
  /** Where others reach it, if not where it listens: `host` or `host:port` each. */
  readonly addresses: readonly string[];
  /** What other nodes have to send first; mostly nothing. */
  readonly prefix: Uint8Array;
  /** SOCKS5: every dial goes through it, and none past it. */
  readonly proxy: { readonly host: string; readonly port: number } | undefined;
  /** References of peers from the configuration, beside those that `peer.add` has saved. */
  readonly peers: readonly string[];
  /** References of nodes to begin with, where the network has strangers. */
  readonly seeds: readonly string[];
  /** What this node does with strangers, where the network has them. */
  readonly strangers: StrangerMode;
  /** What the owner gives of the line; of what is not said there is no limit. */
  readonly bandwidth: { readonly upBytesPerSecond?: number; readonly downBytesPerSecond?: number };
  readonly log: Logger;
  /** Where to write what passes, for measuring: refused outside test networks. */
  readonly traceFile?: string;
  /** Own requests leave by closeness, so that every peer can tell them. For tests and benches alone: no setting leads here. */
  readonly stem?: 'off';
}

/** @throws UserError config_invalid: no such class, or a trace where none may be written. */
export function networkParams({ network, traceFile }: NodeOptions): NetworkParams {
  if (!isNetworkName(network)) {
    throw new UserError(
      'config_invalid',
      `there is no network class ${network}: choose one of ${Object.keys(networks).join(', ')}`,
    );
  }
  const params = networks[network];
  if (traceFile !== undefined && !params.traceable) {
    throw new UserError(
      'config_invalid',
      `the network class ${network} can't be traced: a trace names what people ask for`,
    );
  }
  return params;
}
