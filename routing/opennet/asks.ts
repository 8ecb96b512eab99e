/**
 * What this node has asked its neighbours in this folder's messages and is not answered yet, by link and id (docs/spec/peers.md, 5 and
 * 6). The numbering is apart from that of requests.
 *
 * It judges nothing: an answer to nobody (late, twice, invented) finds nobody. Whoever asks sets the time after which it asks no more.
 */
import type { PeerMessage, SeekId } from '../messages.ts';
import type { LinkId } from '../peer.ts';

export type SeekReply = Extract<
  PeerMessage,
  { readonly type: 'seekOffer' | 'seekEnd' | 'introduction' | 'noIntroduction' }
>;

export interface Asker {
  says(reply: SeekReply): void;
  /** The link is gone. */
  lost(): void;
}

interface Numbering {
  next: number;
  readonly open: Map<SeekId, Asker>;
}

export class Asks {
  readonly #links = new Map<LinkId, Numbering>();

  open(link: LinkId, asker: Asker): SeekId {
    let numbering = this.#links.get(link);
    if (numbering === undefined) {
      numbering = { next: 0, open: new Map() };
      this.#links.set(link, numbering);
    }
    const id = numbering.next as SeekId;
    numbering.next = (numbering.next + 1) >>> 0;
    numbering.open.set(id, asker);
    return id;
  }

  close(link: LinkId, id: SeekId): void {
    this.#links.get(link)?.open.delete(id);
  }

  heard(link: LinkId, reply: SeekReply): void {
    this.#links.get(link)?.open.get(reply.id)?.says(reply);
  }

  down(link: LinkId): void {
    const numbering = this.#links.get(link);
    this.#links.delete(link);
    for (const asker of numbering?.open.values() ?? []) asker.lost();
  }
}
