/**
 * How well hidden it is what the owner asks for, now and why, in codes and in words, for `mimeo status`, the home page and jobs that
 * wait (docs/spec/rpc.md, 6). All words about it are here. It decides nothing, and claims nothing that the router does not say.
 */
import { assertNever } from '../../keys/index.ts';
import type { Job, Result } from '../../client/index.ts';
import type { Priority } from '../../routing/index.ts';
import type { RouterHost } from './router-host.ts';

type Anonymity = NonNullable<Result<'node.status'>['anonymity']>;
type Reason = Anonymity['reasons'][number];

/** Undefined of a node that was made without the stem. */
type Standing = RouterHost['stem'];

interface Now {
  readonly standing: Standing;
  /** Friendships to a node among strangers: own requests of an edge climb there by all of its friends (docs/spec/routing.md, 12). */
  readonly uplink: number;
  /** How long a guard is provisional in this network. */
  readonly guardAfterMs: number;
}

export interface Hiding {
  readonly info: Anonymity;
  /** What waits and what is reduced, each with its reasons and what helps; nothing at `full`. */
  readonly warnings: readonly string[];
}

/** Beside the owner's own, requests of so many others leave through a node that has some to be taken for. */
const STEM_INS_LEAST = 2;
/** Of `uplink`: no node among strangers is near. */
const NO_UPLINK = 7;

export function anonymity(now: Now): Hiding {
  const { standing } = now;
  const reasons = reasonsFor(now);
  const waits = reasons.filter(isWait);
  const reduces = reasons.filter((reason) => !isWait(reason));
  const words = (reason: Reason): string => inWords(reason, now);
  const { guard = 'none', stemIns = 0 } = standing ?? {};
  const level = waits.length > 0 ? 'waiting' : reduces.length > 0 ? 'reduced' : 'full';
  const way = guard !== 'none' ? `${guard} guard` : isEdge(now) ? 'through friends' : 'no guard';
  const others = `${stemIns} node${stemIns === 1 ? ' asks' : 's ask'} through this one`;
  return {
    info: { level, reasons, sentence: `${levels[level]}: ${way}, ${others}.`, guard, stemIns },
    warnings: [
      ...(waits.length === 0 ? [] : [`What you ask for waits: ${waits.map(words).join('; ')}.`]),
      ...(reduces.length === 0 ? [] : [`Reduced anonymity: ${reduces.map(words).join('; ')}.`]),
    ],
  };
}

const levels = { full: 'Not reduced', reduced: 'Reduced', waiting: 'What you ask for waits' } as const;

/** Whether nothing that the owner asks for goes out. */
export function isHeldUp(now: Now): boolean {
  return now.standing?.guard === 'none' && !isEdge(now);
}

/** Why a job of this class gets on no further; undefined while nothing holds it up. */
export function waitOf(now: Now, priority: Priority): Job['waiting'] {
  // With nothing that waits, a job is busy with the disk or with its file.
  if (now.standing === undefined || now.standing.waiting === 0) return undefined;
  const code = reasonsFor(now).find(isWait);
  if (code === undefined || (code === 'guard_new' && priority === 'realtime')) return undefined;
  return { code, sentence: `Waits: ${inWords(code, now)}.` };
}

/** The gravest first. */
function reasonsFor(now: Now): Reason[] {
  const { standing } = now;
  if (standing === undefined) return ['stem_off'];
  const { guard, guards, waiting, friends, stemIns } = standing;
  const reasons: Reason[] = [];
  if (isHeldUp(now)) reasons.push(guards === 0 ? 'no_guard' : 'guards_away');
  if (guard === 'provisional' && waiting > 0) reasons.push('guard_new');
  if (guard === 'provisional') reasons.push('guard_provisional');
  if (friends === 0) reasons.push('no_friends');
  if (stemIns < STEM_INS_LEAST) reasons.push('few_stem_ins');
  return reasons;
}

function isEdge({ uplink }: Now): boolean {
  return uplink > 0 && uplink < NO_UPLINK;
}

function isWait(reason: Reason): reason is NonNullable<Job['waiting']>['code'] {
  return reason === 'no_guard' || reason === 'guards_away' || reason === 'guard_new';
}

function inWords(reason: Reason, { standing, guardAfterMs }: Now): string {
  switch (reason) {
    case 'no_guard':
      return 'this node has no guard yet, the one peer through which all of it leaves; one is drawn as soon as there are peers to draw from';
    case 'guards_away':
      return `${standing?.guards === 1 ? 'the guard of this node is not connected, or does' : 'the guards of this node are not connected, or do'} not answer, and nobody else is asked`;
    case 'guard_new':
      return 'the first guard of this node is new: pages load at once, everything else begins some minutes later';
    case 'guard_provisional':
      return `the guard was drawn from the few peers of the beginning, and is as good as any after ${hours(guardAfterMs)} of connection`;
    case 'no_friends':
      return 'no friend is connected, so what you ask for leaves through somebody whom you do not know (mimeo invite makes friends)';
    case 'few_stem_ins':
      return `${standing?.stemIns === 1 ? 'one node alone asks' : 'nobody asks'} through this one, so what leaves it is ${standing?.stemIns === 1 ? 'mostly' : 'all'} yours`;
    case 'stem_off':
      return 'this node was started without the stem, for measuring: peers can tell what you ask for';
    default:
      return assertNever(reason);
  }
}

function hours(ms: number): string {
  const count = Math.ceil(ms / 3_600_000);
  return `${count} hour${count === 1 ? '' : 's'}`;
}
