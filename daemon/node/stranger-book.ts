/**
 * What is kept of strangers over a restart, in a sealed file (docs/spec/node.md, 5): who was a peer lately, so that coming back needs no
 * seed, and what this node has paid for its own reference (proof.ts). Losing it costs a seed and half a second, so nobody waits for
 * the disk.
 */
import {
  type CborValue,
  ParseError,
  type Random,
  decodeCbor,
  encodeCbor,
  equalBytes,
} from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { nodeLimits } from './limits.ts';
import { SealedFile } from './sealed-file.ts';

interface Content {
  /** References as bytes, the last confirmed first. */
  readonly nodes: readonly Uint8Array[];
  readonly paid: Paid | undefined;
}

interface Paid {
  readonly reference: Uint8Array;
  readonly proof: Uint8Array;
}

const FORMAT = 1;

export class StrangerBook {
  readonly #file: SealedFile;
  #content: Content;

  /** @throws UserError */
  constructor(options: { path: string; key: Uint8Array; random: Random }) {
    this.#file = SealedFile.open({ ...options, name: 'strangers' });
    this.#content = restore(this.#file);
  }

  get nodes(): readonly Uint8Array[] {
    return this.#content.nodes;
  }

  /** What was paid for this very reference. */
  proofFor(reference: Uint8Array): Uint8Array | undefined {
    const { paid } = this.#content;
    return paid !== undefined && equalBytes(paid.reference, reference) ? paid.proof : undefined;
  }

  /** @throws UserError disk_full, disk_failed: this run goes on without the file */
  remember(nodes: readonly Uint8Array[]): Promise<void> {
    return this.#save({ ...this.#content, nodes: nodes.slice(0, nodeLimits.rememberedStrangers.value) });
  }

  /** @throws UserError disk_full, disk_failed */
  pay(paid: Paid): Promise<void> {
    return this.#save({ ...this.#content, paid });
  }

  #save(content: Content): Promise<void> {
    this.#content = content;
    const { nodes, paid } = content;
    const own = paid === undefined ? {} : { ref: paid.reference, proof: paid.proof };
    return this.#file.save(encodeCbor({ v: FORMAT, nodes: [...nodes], ...own }));
  }
}

/** @throws UserError state_damaged */
function restore({ content, path }: SealedFile): Content {
  try {
    return content === undefined ? { nodes: [], paid: undefined } : decode(content);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new UserError('state_damaged', `${path} opens and does not say who was a peer`, { cause: error });
  }
}

/** @throws ParseError bad_cbor */
function decode(content: Uint8Array): Content {
  const all = decodeCbor(content, { items: nodeLimits.rememberedStrangers.value + 16 });
  const { v, nodes, ref, proof } = (all ?? {}) as { readonly [key: string]: CborValue };
  if (v !== FORMAT || !Array.isArray(nodes)) throw new ParseError('bad_cbor', 'no list of nodes');
  const paid = ref instanceof Uint8Array && proof instanceof Uint8Array ? copied({ ref, proof }) : undefined;
  return {
    nodes: nodes.map((node: CborValue) => {
      if (!(node instanceof Uint8Array)) throw new ParseError('bad_cbor', 'no reference');
      return Uint8Array.from(node);
    }),
    paid,
  };
}

function copied({ ref, proof }: { ref: Uint8Array; proof: Uint8Array }): Paid {
  return { reference: Uint8Array.from(ref), proof: Uint8Array.from(proof) };
}
