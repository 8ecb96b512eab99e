/** The arithmetic of routing.md, 4, written a second time: what a node may send on of what it got. */
import { type Location, distance, location } from '../../keys/index.ts';
import type { NetworkParams, Request } from '../../routing/index.ts';

export interface Sent {
  readonly htl: number;
  readonly stall: number;
  readonly best: number;
}

/** The first time a node passes a request on: exactly what its own visit has cost. */
export function firstBreach(what: {
  sent: Sent;
  /** As it came; undefined or a stem when this node has diffused it. */
  came: Request['route'] | undefined;
  request: Request;
  own: Location;
  params: NetworkParams;
}): string | undefined {
  const { sent, came, request, own, params } = what;
  const away = Math.floor(distance(own, location(request.key, request.salt)) * 2 ** 32);
  if (came === undefined || came.phase === 'stem') {
    const whole = differs(sent, { htl: params.htl, stall: 0, best: away });
    if (whole === undefined || came !== undefined) return whole;
    // What a node asks of its own accord looks like a request that has come a little way (routing.md, 11).
    return differs(sent, { htl: Math.max(1, params.htl - params.hintsAfter), stall: 0, best: away });
  }
  const isProgress = away < came.best;
  const entered = {
    htl: Math.min(came.htl, params.htl) - 1,
    stall: isProgress ? 0 : came.stall + 1,
    best: isProgress ? away : came.best,
  };
  return differs(sent, entered);
}

/** From one hop to the next: HTL and best never grow, and the stall by no more than what the hop took from HTL. */
export function laterBreach(before: Sent, sent: Sent): string | undefined {
  const spent = before.htl - sent.htl;
  if (spent < 0) return `htl grew from ${before.htl} to ${sent.htl}`;
  if (sent.htl < 1) return 'sent without htl';
  if (sent.best > before.best) return `best grew from ${before.best} to ${sent.best}`;
  if (sent.best < before.best) {
    if (sent.stall > Math.max(0, spent - 1))
      return `stall is ${sent.stall} after progress that cost ${spent}`;
    return undefined;
  }
  if (sent.stall < before.stall) return `stall fell from ${before.stall} to ${sent.stall} without progress`;
  if (sent.stall - before.stall > spent)
    return `stall grew by ${sent.stall - before.stall}, htl fell by ${spent}`;
  return undefined;
}

function differs(sent: Sent, expected: Sent): string | undefined {
  for (const field of ['htl', 'stall', 'best'] as const)
    if (sent[field] !== expected[field]) return `${field} is ${sent[field]} instead of ${expected[field]}`;
  return undefined;
}
