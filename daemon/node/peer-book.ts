/**
 * The peers that this node was told to have, by reference: those of the configuration and those that were added, which are kept
 * in a file. It knows who they are and where they listen, and nothing of connections.
 */
import { ParseError, type PublicKey, toText } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { decodeReference } from '../../transport/index.ts';
import { nodeLimits } from './limits.ts';
import { readStateFile, writeStateFile } from './state-file.ts';

export interface KnownPeer {
  /** Text form of the public key. */
  readonly identity: string;
  readonly publicKey: PublicKey;
  readonly addresses: readonly string[];
  readonly reference: string;
}

export class PeerBook {
  readonly #path: string;
  readonly #network: Uint8Array;
  readonly #configured = new Map<string, KnownPeer>();
  readonly #added = new Map<string, KnownPeer>();

  /** @throws ParseError bad_reference, UserError */
  constructor(options: { path: string; network: Uint8Array; configured: readonly string[] }) {
    this.#path = options.path;
    this.#network = options.network;
    const added = readStateFile(this.#path)?.toString('utf8') ?? '';
    for (const line of added.split('\n')) if (line !== '') this.#restore(line);
    for (const reference of options.configured) this.#put(this.#configured, reference);
  }

  #restore(line: string): void {
    try {
      this.#put(this.#added, line);
    } catch (error) {
      if (!(error instanceof ParseError) && !(error instanceof UserError)) throw error;
      throw new UserError(error.code, `${this.#path}: ${error.message}`, { cause: error });
    }
  }

  list(): KnownPeer[] {
    return [...new Map([...this.#configured, ...this.#added]).values()];
  }

  get(identity: string): KnownPeer | undefined {
    return this.#added.get(identity) ?? this.#configured.get(identity);
  }

  /** A newer reference of a known peer replaces the old one. @throws ParseError bad_reference, UserError */
  add(reference: string): KnownPeer {
    const peer = this.#put(this.#added, reference);
    this.#save();
    return peer;
  }

  /** @throws UserError peer_unknown */
  remove(identity: string): KnownPeer {
    const peer = this.get(identity);
    if (peer === undefined) throw new UserError('peer_unknown', `there is no peer ${identity}`);
    if (this.#configured.has(identity)) {
      throw new UserError(
        'config_invalid',
        `the peer ${identity} stands in the configuration: remove it there`,
      );
    }
    this.#added.delete(identity);
    this.#save();
    return peer;
  }

  #put(into: Map<string, KnownPeer>, line: string): KnownPeer {
    const reference = line.trim();
    const { identity: publicKey, network, addresses } = decodeReference(reference);
    if (Buffer.compare(network, this.#network) !== 0) {
      throw new UserError('bad_reference', 'this reference is of another network than this node');
    }
    const identity = toText(publicKey);
    if (this.get(identity) === undefined && this.list().length >= nodeLimits.knownPeers.value) {
      throw new UserError('too_large', `at most ${nodeLimits.knownPeers.value} peers can be known`);
    }
    const peer = { identity, publicKey, addresses, reference };
    into.set(identity, peer);
    return peer;
  }

  #save(): void {
    writeStateFile(this.#path, [...this.#added.values()].map(({ reference }) => `${reference}\n`).join(''));
  }
}
