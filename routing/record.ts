/**
 * What a node remembers of how a peer has behaved: a score of silence and one of doubt (docs/spec/routing.md, 9 and 11).
 * Kept by identity, so that nobody gets a clean slate by hanging up, in memory alone, and for the own node alone.
 *
 * Each score is an average that forgets: by what happens next, and by time, because a peer that is tried last is hardly ever
 * tried and could not recover otherwise.
 */
import { routingLimits } from './limits.ts';

/** 0: always as it should be. 1: never. */
export class Score {
  readonly #weight: number;
  readonly #halfLifeMs: number;
  #value = 0;
  #at = 0;

  constructor({ weight, halfLifeMs }: { weight: number; halfLifeMs: number }) {
    this.#weight = weight;
    this.#halfLifeMs = halfLifeMs;
  }

  at(now: number): number {
    return this.#value === 0 ? 0 : this.#value * 2 ** ((this.#at - now) / this.#halfLifeMs);
  }

  add(what: 'good' | 'bad', now: number): void {
    const value = this.at(now) * (1 - this.#weight);
    this.#value = what === 'bad' ? value + this.#weight : value;
    this.#at = now;
  }
}

export class PeerRecord {
  readonly #silence = new Score({
    weight: routingLimits.silenceWeight.value,
    halfLifeMs: routingLimits.silenceHalfLifeMs.value,
  });
  readonly #doubt = new Score({
    weight: routingLimits.doubtWeight.value,
    halfLifeMs: routingLimits.doubtHalfLifeMs.value,
  });
  /** Audits that were planned. */
  audits = 0;
  /** Nothing bad was ever seen, as of most: all scores are 0, and each hop asks for those of all peers. */
  #isSpotless = true;

  silence(now: number): number {
    return this.#isSpotless ? 0 : this.#silence.at(now);
  }

  isSilent(now: number): boolean {
    return this.silence(now) > routingLimits.silenceMost.value;
  }

  /** Silent, or not to be believed: asked last, not looked for behind others, and not counted as closer. */
  isShunned(now: number): boolean {
    if (this.#isSpotless) return false;
    return this.isSilent(now) || this.#doubt.at(now) > routingLimits.doubtMost.value;
  }

  wasAsked(outcome: 'answered' | 'silent', now: number): void {
    this.#add(this.#silence, outcome === 'answered' ? 'good' : 'bad', now);
  }

  wasAudited(outcome: 'passed' | 'failed', now: number): void {
    this.#add(this.#doubt, outcome === 'passed' ? 'good' : 'bad', now);
  }

  #add(score: Score, what: 'good' | 'bad', now: number): void {
    if (what === 'bad') this.#isSpotless = false;
    if (!this.#isSpotless) score.add(what, now);
  }
}

/** By identity, the last one seen longest ago forgotten first. */
export class PeerRecords {
  readonly #records = new Map<string, PeerRecord>();

  /** Begins a record where there is none. */
  of(identity: string): PeerRecord {
    const record = this.#records.get(identity) ?? new PeerRecord();
    this.#records.delete(identity);
    this.#records.set(identity, record);
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= routingLimits.recordsKept.value) break;
      this.#records.delete(oldest);
    }
    return record;
  }

  find(identity: string): PeerRecord | undefined {
    return this.#records.get(identity);
  }
}
