/**
 * The peers that this node was told to have, by reference: those of the configuration and those that were added or came by an
 * invite, which are kept in a sealed file (docs/spec/node.md, 5). It knows who they are, where they listen and what it shares with
 * friends, and nothing of connections.
 *
 * Invariant: what a method has answered is on disk; what it could not write, it has not changed.
 */
import { type CborValue, ParseError, type Random, decodeCbor, encodeCbor, toText } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { type LinkSecret, type NodeReference, decodeReference } from '../../transport/index.ts';
import { nodeLimits } from './limits.ts';
import type { Relation } from './reasons.ts';
import { SealedFile } from './sealed-file.ts';

export interface KnownPeer {
  /** Text form of the public key. */
  readonly identity: string;
  readonly reference: NodeReference;
  /** `invite` until the first link has shown that the invite was good: a friend in waiting. */
  readonly secret: LinkSecret;
}

type Peers = ReadonlyMap<string, KnownPeer>;

const FORMAT = 1;

export class PeerBook {
  readonly #file: SealedFile;
  readonly #network: Uint8Array;
  readonly #configured: Peers;
  #added: Peers;

  /** @throws ParseError bad_reference, UserError */
  constructor(options: {
    path: string;
    /** 32 bytes, for this file alone. */
    key: Uint8Array;
    random: Random;
    network: Uint8Array;
    configured: readonly string[];
  }) {
    const { path, key, random } = options;
    this.#file = SealedFile.open({ path, name: 'peers', key, random });
    this.#network = options.network;
    this.#added = this.#restore();
    const configured = options.configured.map((line) => stranger(this.read(line)));
    this.#configured = new Map(configured.map((peer) => [peer.identity, peer]));
    this.#assertRoom(this.list().length);
  }

  list(): KnownPeer[] {
    return [...new Map([...this.#configured, ...this.#added]).values()];
  }

  get(identity: string): KnownPeer | undefined {
    return this.#added.get(identity) ?? this.#configured.get(identity);
  }

  /** What the node of this identity is to the owner. */
  relationTo(identity: string): Relation {
    switch (this.get(identity)?.secret.type) {
      case undefined:
        return 'stranger';
      case 'stranger':
        return 'named';
      case 'invite':
        return 'invited';
      case 'pair':
        return 'friend';
    }
  }

  /** A newer reference of a known peer replaces the old one; a friend stays one. @throws ParseError bad_reference, UserError */
  add(line: string): KnownPeer {
    const reference = this.read(line);
    const secret = this.get(toText(reference.identity))?.secret ?? { type: 'stranger' };
    return this.#put({ ...stranger(reference), secret });
  }

  /** Whoever has made an invite that the owner has pasted here. @throws UserError */
  addInviter(reference: NodeReference, inviteSecret: Uint8Array): KnownPeer {
    this.#assertNetwork(reference);
    return this.#put({ ...stranger(reference), secret: { type: 'invite', inviteSecret } });
  }

  /** Both ends have shown that they hold the secret of an invite. @throws UserError */
  befriend(reference: NodeReference, pairSecret: Uint8Array): KnownPeer {
    return this.#put({ ...stranger(reference), secret: { type: 'pair', pairSecret } });
  }

  /** The addresses under which a peer says that it is reachable now. @throws UserError */
  renew(reference: NodeReference): void {
    const known = this.#added.get(toText(reference.identity));
    if (known !== undefined && known.reference.line !== reference.line) this.#put({ ...known, reference });
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
    this.#save(new Map([...this.#added].filter(([other]) => other !== identity)));
    return peer;
  }

  /** Of the network of this node. @throws ParseError bad_reference, UserError bad_reference */
  read(line: string): NodeReference {
    const reference = decodeReference(line);
    this.#assertNetwork(reference);
    return reference;
  }

  #assertNetwork({ network }: NodeReference): void {
    if (Buffer.compare(network, this.#network) !== 0) {
      throw new UserError('bad_reference', 'this is a node of another network than this one');
    }
  }

  #put(peer: KnownPeer): KnownPeer {
    const isNew = this.get(peer.identity) === undefined;
    this.#assertRoom(this.list().length + (isNew ? 1 : 0));
    this.#save(new Map([...this.#added, [peer.identity, peer]]));
    return peer;
  }

  #assertRoom(count: number): void {
    const most = nodeLimits.knownPeers.value;
    if (count > most) throw new UserError('too_large', `at most ${most} peers can be known`);
  }

  #save(added: Peers): void {
    this.#file.replace(encodePeers([...added.values()]));
    this.#added = added;
  }

  /** Its seal has opened, so it is what some version of this program wrote. @throws UserError */
  #restore(): Peers {
    const { content, path } = this.#file;
    if (content === undefined) return new Map();
    try {
      const peers = decodePeers(content).map(({ line, secret }) => ({
        ...stranger(this.read(line)),
        secret,
      }));
      return new Map(peers.map((peer) => [peer.identity, peer]));
    } catch (error) {
      if (!(error instanceof ParseError) && !(error instanceof UserError)) throw error;
      throw new UserError(error.code, `${path}: ${error.message}`, { cause: error });
    }
  }
}

/** Whom the owner has not named, or who shares nothing with this node. */
export function stranger(reference: NodeReference): KnownPeer {
  return { identity: toText(reference.identity), reference, secret: { type: 'stranger' } };
}

function encodePeers(peers: readonly KnownPeer[]): Uint8Array {
  const entries = peers.map(({ reference: { line }, secret }): CborValue => {
    switch (secret.type) {
      case 'stranger':
        return { ref: line };
      case 'pair':
        return { ref: line, pair: secret.pairSecret };
      case 'invite':
        return { ref: line, invite: secret.inviteSecret };
    }
  });
  return encodeCbor({ v: FORMAT, peers: entries });
}

/** @throws ParseError bad_cbor */
function decodePeers(content: Uint8Array): { line: string; secret: LinkSecret }[] {
  const { v, peers } = map(decodeCbor(content));
  if (v !== FORMAT || !Array.isArray(peers)) throw new ParseError('bad_cbor', 'not a list of peers');
  return peers.map((entry: CborValue) => {
    const { ref, pair, invite } = map(entry);
    if (typeof ref !== 'string') throw new ParseError('bad_cbor', 'a peer without a reference');
    return { line: ref, secret: secretIn({ pair, invite }) };
  });
}

function secretIn({ pair, invite }: Record<'pair' | 'invite', CborValue | undefined>): LinkSecret {
  if (pair instanceof Uint8Array) return { type: 'pair', pairSecret: Uint8Array.from(pair) };
  if (invite instanceof Uint8Array) return { type: 'invite', inviteSecret: Uint8Array.from(invite) };
  return { type: 'stranger' };
}

function map(value: CborValue): { readonly [key: string]: CborValue } {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array)
    throw new ParseError('bad_cbor', 'not a map');
  return value as { readonly [key: string]: CborValue };
}
