/**
 * Nodes that nobody has named, for the router: reads their references, dials them, remembers them over a restart, and shows them this
 * node's own reference with what was paid for it (docs/spec/peers.md, 5 and 8). Whom to have is the router's.
 *
 * A reference that comes from the network is foreign: it is read once by the codec and found again by its bytes, so that a flood of
 * equal ones costs one signature.
 */
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { ParseError, type Random, equalBytes, locationOfIdentity, toText } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import type { Candidate, OpennetOptions, RouterEvent } from '../../routing/index.ts';
import {
  type NodeReference,
  decodeReference,
  parseAddress,
  referenceBytes,
  referenceLine,
} from '../../transport/index.ts';
import { nodeLimits } from './limits.ts';
import type { CallOutcome } from './links.ts';
import { type KnownPeer, type PeerBook, stranger } from './peer-book.ts';
import { type Reach, mayDial, placeOf, reachOf } from './place.ts';
import { PROOF_BYTES, findProof } from './proof.ts';
import { type Why, whyInWords } from './reasons.ts';
import type { StrangerBook } from './stranger-book.ts';

type Candidates = Extract<RouterEvent, { type: 'candidates' }>;

export interface StrangersOptions {
  /** 32 bytes. */
  readonly network: Uint8Array;
  readonly book: PeerBook;
  readonly kept: StrangerBook;
  /** Nodes to begin with. */
  readonly seeds: readonly NodeReference[];
  readonly random: Random;
  readonly log: Logger;
  /** Of the links, once they listen. */
  readonly own: () => NodeReference;
  readonly reach: () => Reach;
  /** Of the own reference. */
  readonly hosts: () => readonly string[];
  readonly call: (peer: KnownPeer) => Promise<CallOutcome>;
}

interface Read {
  readonly candidate: Candidate;
  readonly reference: NodeReference;
}

/** What `mimeo status` says of calls that came to nothing. */
export interface Attempts {
  /** Calls that are on now. */
  readonly calling: number;
  /** Calls that have failed since one did not. */
  readonly failed: number;
  /** Why the last of them, and when by the clock of this process. */
  readonly last: { readonly why: Why; readonly at: number } | undefined;
  /** The last call that came to a link. */
  readonly answered: { readonly address: string | undefined; readonly at: number } | undefined;
}

const UNPAID = new Uint8Array(PROOF_BYTES);

export class Strangers {
  readonly #options: StrangersOptions;
  readonly #read = new LRUCache<string, Read | 'bad'>({ max: nodeLimits.referencesRead.value });
  readonly #stop = new AbortController();
  #proof: Uint8Array = UNPAID;
  #calling = 0;
  #failed = 0;
  #last: Attempts['last'];
  #answered: Attempts['answered'];

  constructor(options: StrangersOptions) {
    this.#options = options;
  }

  /** Undefined unless it is a reference of this network, signed by whom it names. */
  readReference(bytes: Uint8Array): Candidate | undefined {
    const line = referenceLine(bytes);
    let read = this.#read.get(line);
    if (read === undefined) {
      read = this.#decode(line, bytes) ?? 'bad';
      this.#read.set(line, read);
    }
    return read === 'bad' ? undefined : read.candidate;
  }

  /** As they stand now. */
  own(): ReturnType<OpennetOptions['own']> {
    const { own, hosts } = this.#options;
    const where = reachOf(hosts());
    // Whoever is in the same private network sees that by itself.
    return {
      reference: referenceBytes(own().line),
      proof: this.#proof,
      dialable: where === 'world' || where === 'machine',
    };
  }

  /** Pays for the own reference, unless that was done in an earlier run. */
  async pay(): Promise<void> {
    const { own, kept, random } = this.#options;
    const reference = referenceBytes(own().line);
    const paid = kept.proofFor(reference);
    if (paid !== undefined) {
      this.#proof = paid;
      return;
    }
    const proof = await findProof(reference, { random, signal: this.#stop.signal });
    if (proof === undefined) return;
    this.#proof = proof;
    this.#keep(kept.pay({ reference, proof }));
  }

  /** Who was a peer in the last run. */
  remembered(): Candidates {
    return { type: 'candidates', from: 'remembered', candidates: this.#candidates(this.#options.kept.nodes) };
  }

  /** All of them: those of the configuration, and whom the owner has named, who is a way into the network as well. */
  seeds(): Candidates {
    // Whoever was named just now may be near others that were read before.
    this.#read.clear();
    const named = this.#options.book.list().map(({ reference }) => reference);
    const lines = [...this.#options.seeds, ...named].map(({ line }) => referenceBytes(line));
    return { type: 'candidates', from: 'seeds', candidates: this.#candidates(lines) };
  }

  /** Whether there is anybody to begin with. */
  get isAlone(): boolean {
    return this.#options.seeds.length === 0 && this.#options.kept.nodes.length === 0;
  }

  get attempts(): Attempts {
    return { calling: this.#calling, failed: this.#failed, last: this.#last, answered: this.#answered };
  }

  /** For the owner's eyes: where a node is that was read lately, or else who it is. */
  addressOf(identity: string): string {
    for (const read of this.#read.values()) {
      if (read !== 'bad' && read.candidate.identity === identity)
        return read.reference.addresses[0] ?? identity;
    }
    return this.#options.book.get(identity)?.reference.addresses[0] ?? identity;
  }

  async dial({ reference: bytes, identity }: Candidate): Promise<'linked' | 'failed'> {
    const reference = this.#referenceOf(bytes);
    const { book, own, call } = this.#options;
    if (reference === undefined || equalBytes(reference.identity, own().identity)) return 'failed';
    // What the owner knows of it may be newer, and is under another secret.
    const peer = book.get(identity) ?? stranger(reference);
    this.#calling += 1;
    const result = await call(peer);
    this.#calling -= 1;
    const [first] = peer.reference.addresses;
    const at = performance.now();
    if (result.outcome === 'linked') {
      this.#failed = 0;
      this.#answered = { address: first, at };
    } else {
      this.#failed += 1;
      const { address = first, words } = whyInWords(result.reason, book.relationTo(identity));
      this.#last = { why: { address, words }, at };
    }
    return result.outcome;
  }

  remember(candidates: readonly Candidate[]): void {
    this.#keep(this.#options.kept.remember(candidates.map(({ reference }) => reference)));
  }

  close(): void {
    this.#stop.abort();
  }

  #candidates(references: readonly Uint8Array[]): Candidate[] {
    return references.map((bytes) => this.readReference(bytes)).filter((one) => one !== undefined);
  }

  #referenceOf(bytes: Uint8Array): NodeReference | undefined {
    if (this.readReference(bytes) === undefined) return undefined;
    const read = this.#read.get(referenceLine(bytes));
    return read === undefined || read === 'bad' ? undefined : read.reference;
  }

  #decode(line: string, bytes: Uint8Array): Read | undefined {
    let reference: NodeReference;
    try {
      reference = decodeReference(line);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      return undefined;
    }
    if (!equalBytes(reference.network, this.#options.network)) return undefined;
    const identity = toText(reference.identity);
    const reach = this.#options.reach();
    const { prefix, addresses } = reference;
    const hosts = addresses.map((address) => parseAddress(address).host);
    const dialled = hosts.find((host) => mayDial(host, { reach, prefix }));
    const candidate: Candidate = {
      identity,
      location: locationOfIdentity(reference.identity),
      ...placeOf(dialled, identity),
      dialable: dialled !== undefined,
      reference: Uint8Array.from(bytes),
    };
    return { candidate, reference };
  }

  /** What can't be kept is known again after the next start by other ways; the disk says so itself where it matters. */
  #keep(written: Promise<void>): void {
    written.catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      this.#options.log.warn({ code: error.code }, 'who was a peer can not be written down');
    });
  }
}
