/**
 * Who is dialled (docs/spec/peers.md, 5 to 8): candidates from seeks, introductions, folds and memory go through here, a few at a time.
 * Each is judged when it comes and again when its turn comes.
 *
 * It does not decide who becomes a peer: a link that comes up is judged anew (agreement.ts), by what is known of it then.
 *
 * Invariant: nobody is dialled who is linked, being dialled, or failed lately; of the places of a node at most `oneSourceShare` go to
 * what one neighbour has offered; every table is bounded.
 */
import type { Candidate } from '../peer.ts';
import { routingLimits } from '../limits.ts';
import type { Agreement } from './agreement.ts';
import type { PeerDesk } from './desk.ts';
import { opennetLimits } from './limits.ts';

interface Failed {
  readonly why: 'unanswered' | 'unwanted';
  readonly at: number;
  readonly waitMs: number;
}

export class Dials {
  readonly #desk: PeerDesk;
  readonly #agreement: Agreement;
  readonly #waiting: Candidate[] = [];
  /** By identity who is being dialled. */
  readonly #running = new Map<string, Candidate>();
  /** When it failed the last time, and how long not to dial again. */
  readonly #failed = new Map<string, Failed>();
  /** Who offered whom, for those who wait, are being dialled or are linked. */
  readonly #sources = new Map<string, string>();
  /** Called when nobody is being dialled any more. */
  #idle: (() => void) | undefined;

  constructor(desk: PeerDesk, agreement: Agreement) {
    this.#desk = desk;
    this.#agreement = agreement;
  }

  /** Who has offered this node, while it waits, is being dialled or is linked. */
  sourceOf(identity: string): string | undefined {
    return this.#sources.get(identity);
  }

  get running(): number {
    return this.#running.size;
  }

  /** Who is being dialled under this identity. */
  called(identity: string): Candidate | undefined {
    return this.#running.get(identity);
  }

  /**
   * Dials the candidate when its turn comes, if it is wanted then. `source` is who offered it.
   * @returns whether it waits for that.
   */
  consider(candidate: Candidate, source?: string): boolean {
    const { identity } = candidate;
    if (this.#waiting.some((other) => other.identity === identity) || !this.#may(candidate)) return false;
    if (this.#waiting.length >= opennetLimits.dialsWaiting.value) return false;
    if (source !== undefined) {
      if (
        this.#offeredBy(source) >= Math.floor(routingLimits.peers.value * opennetLimits.oneSourceShare.value)
      )
        return false;
      this.#sources.set(identity, source);
    }
    this.#waiting.push(candidate);
    this.#pump();
    return true;
  }

  /** Those first that have not failed, or whose failure is the longest ago: or the rest of a long list would never have its turn. */
  longestUntried(candidates: readonly Candidate[]): Candidate[] {
    const failedAt = ({ identity }: Candidate) => this.#failed.get(identity)?.at ?? 0;
    return [...candidates].sort((a, b) => failedAt(a) - failedAt(b));
  }

  /** Dials a seed, whether it is wanted as a peer or not. */
  call(seed: Candidate, ended: (outcome: 'linked' | 'failed') => void): void {
    if (this.#agreement.linkOf(seed.identity) !== undefined) {
      ended('linked');
    } else if (this.#running.has(seed.identity)) {
      ended('failed');
    } else {
      this.#dial(seed, ended);
    }
  }

  /** Calls back once, when nobody is dialled and nobody waits: perhaps at once. */
  whenIdle(idle: () => void): void {
    this.#idle = idle;
    this.#tellIdle();
  }

  /** What did not answer may answer now. */
  forgetUnanswered(): void {
    for (const [identity, { why }] of this.#failed) if (why === 'unanswered') this.#failed.delete(identity);
  }

  /** The link to the node is gone, or it is none of ours. */
  gone(identity: string): void {
    this.#sources.delete(identity);
  }

  /** The node was dialled and does not want us: it will not in a minute either. */
  inVain(identity: string): void {
    this.#avoid(identity, 'unwanted', opennetLimits.dialAgainMs.value);
  }

  /** It does not answer. That may be this node's own line, and then everybody fails at once: the first wait is short. */
  #unanswered(identity: string): void {
    const { dialAgainFirstMs, dialAgainMs } = opennetLimits;
    const before = this.#failed.get(identity)?.waitMs ?? dialAgainFirstMs.value / 2;
    this.#avoid(identity, 'unanswered', Math.min(dialAgainMs.value, 2 * before));
  }

  #avoid(identity: string, why: Failed['why'], waitMs: number): void {
    this.#failed.delete(identity);
    this.#failed.set(identity, { why, at: this.#desk.now, waitMs });
    if (this.#failed.size <= opennetLimits.dialFailures.value) return;
    for (const oldest of this.#failed.keys()) {
      this.#failed.delete(oldest);
      break;
    }
  }

  #may(candidate: Candidate): boolean {
    const { identity, dialable, location } = candidate;
    return (
      dialable &&
      location !== this.#desk.location &&
      !this.#running.has(identity) &&
      this.#agreement.linkOf(identity) === undefined &&
      !this.#isAvoided(identity) &&
      this.#agreement.wouldHave(candidate)
    );
  }

  /** Who has nobody tries them all again each minute: it may be its own line that was down. */
  #isAvoided(identity: string): boolean {
    const failed = this.#failed.get(identity);
    if (failed === undefined) return false;
    const { why, at, waitMs } = failed;
    const isAlone = why === 'unanswered' && this.#agreement.held().length === 0;
    const mostMs = isAlone ? opennetLimits.aloneMostMs.value : waitMs;
    return this.#desk.now < at + Math.min(waitMs, mostMs);
  }

  #offeredBy(source: string): number {
    let count = 0;
    for (const other of this.#sources.values()) if (other === source) count += 1;
    return count;
  }

  #pump(): void {
    while (this.#running.size < opennetLimits.dialsAtOnce.value) {
      const candidate = this.#waiting.shift();
      if (candidate === undefined) return;
      if (this.#may(candidate)) this.#dial(candidate, () => {});
      else if (this.#agreement.linkOf(candidate.identity) === undefined) this.gone(candidate.identity);
    }
  }

  #dial(candidate: Candidate, ended: (outcome: 'linked' | 'failed') => void): void {
    const { identity } = candidate;
    this.#running.set(identity, candidate);
    this.#desk.dial(candidate, (outcome) => {
      this.#running.delete(identity);
      if (outcome === 'failed') {
        this.#unanswered(identity);
        this.gone(identity);
      } else {
        this.#failed.delete(identity);
      }
      ended(outcome);
      this.#pump();
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.#running.size > 0 || this.#idle === undefined) return;
    const idle = this.#idle;
    this.#idle = undefined;
    idle();
  }
}
