/**
 * Which peers are audited, and when (docs/spec/routing.md, 11): often while little is known of one, seldom later. What one asker brings
 * counts once in a while only: it could choose keys by which honest peers fail.
 *
 * It asks nobody: that is audit.ts. Invariant: at most `auditsAtOnce` are planned or in work, of all peers together.
 */
import type { Random } from '../keys/index.ts';
import { routingLimits } from './limits.ts';
import type { Uid } from './messages.ts';
import type { LinkId } from './peer.ts';
import type { PeerRecord } from './record.ts';

/** Of one peer: when the last audit was planned that each asker gave the occasion for. */
export type AuditedFor = Map<LinkId, number>;

export interface Planned {
  readonly afterMs: number;
  readonly uid: Uid;
}

export class AuditPlan {
  readonly #random: Random;
  #running = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Undefined when this occasion is not taken. Otherwise `ended` is to be called once. */
  take(
    { record, auditedFor }: { record: PeerRecord; auditedFor: AuditedFor },
    { asker, now }: { asker: LinkId; now: number },
  ): Planned | undefined {
    const { auditsAtOnce, auditsAtFirst, auditEvery, auditAskerMs, auditSoonestMs, auditLatestMs } =
      routingLimits;
    if (this.#running >= auditsAtOnce.value) return undefined;
    for (const [earlier, at] of auditedFor) if (now - at >= auditAskerMs.value) auditedFor.delete(earlier);
    if (auditedFor.has(asker)) return undefined;
    const [whether = 0, when = 0, ...name] = this.#random.bytes(10);
    if (record.audits >= auditsAtFirst.value && whether >= 256 / auditEvery.value) return undefined;
    record.audits += 1;
    auditedFor.set(asker, now);
    this.#running += 1;
    // As many in each doubling of the time: who keeps for a minute what he claims to keep does not pass.
    const afterMs = auditSoonestMs.value * (auditLatestMs.value / auditSoonestMs.value) ** (when / 256);
    return { afterMs, uid: Buffer.from(name).toString('hex') as Uid };
  }

  ended(): void {
    this.#running -= 1;
  }
}
