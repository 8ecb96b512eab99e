/**
 * The desk that the machines of one router share (desk.ts, opennet/desk.ts), made of its tables: what they want becomes effects here, and
 * what was asked for with a token finds its way back by awaited.ts.
 *
 * Invariant: nothing is sent to a link that is gone, and nobody is judged who is.
 */
import {
  type Location,
  type Random,
  type RoutingKey,
  type Salt,
  type Block,
  location,
} from '../keys/index.ts';
import type { Awaited } from './awaited.ts';
import type { Desk } from './desk.ts';
import type { Door } from './door.ts';
import type { Effect } from './effect.ts';
import type { FailureTable } from './failure-table.ts';
import type { WaitingRoom } from './load/room.ts';
import type { Message, Priority } from './messages.ts';
import type { NetworkParams } from './network.ts';
import type { PeerDesk } from './opennet/desk.ts';
import type { Opennet } from './opennet/opennet.ts';
import { LOCAL_LINK, type LinkId } from './peer.ts';
import type { PeerTable } from './peers.ts';
import type { Requests } from './requests.ts';
import type { SeenUids } from './seen.ts';
import type { Stem } from './stem/stem.ts';

export interface DeskOptions {
  readonly params: NetworkParams;
  readonly location: Location;
  readonly random: Random;
  /** What a relay can check; the simulator may give one for small blocks. */
  readonly verify: (key: RoutingKey, block: Block) => 'chk' | 'ssk' | undefined;
  /** Where a key lives; the simulator, in which one key meets many routers, gives one that remembers. */
  readonly locate?: (key: RoutingKey, salt: Salt) => Location;
  /** Whether `trace` effects are wanted. */
  readonly traced: 'traced' | 'untraced';
}

/** Parts that are made after the desk are asked for when they are needed. */
export interface DeskParts {
  readonly now: () => number;
  readonly push: (effect: Effect) => void;
  readonly peers: PeerTable;
  readonly failures: FailureTable;
  readonly seen: SeenUids;
  readonly requests: Requests;
  readonly awaited: Awaited;
  readonly room: () => WaitingRoom;
  readonly opennet: () => Opennet;
  readonly door: () => Door;
  readonly stem: () => Stem | undefined;
}

export function makeDesk(
  options: DeskOptions & { readonly quietHops: number },
  parts: DeskParts,
): Desk & PeerDesk {
  const { now, push, peers, failures, seen, requests, awaited } = parts;
  return {
    get now() {
      return now();
    },
    get room() {
      return parts.room();
    },
    params: options.params,
    location: options.location,
    peers,
    failures,
    seen,
    quietHops: options.quietHops,
    random: options.random,
    locate: options.locate ?? location,
    verify: options.verify,
    send: (link: LinkId, message: Message, priority?: Priority) => {
      if (requests.has(link)) push({ type: 'send', link, message, priority });
    },
    openHop: (to, owner) => requests.openHop(to, owner),
    closeHop: (to, id) => requests.closeHop(to, id),
    setTimer: (at, fired) => {
      const token = awaited.add({ type: 'timer', fired });
      push({ type: 'setTimer', token, at });
      return token;
    },
    cancelTimer: (token) => {
      if (awaited.cancel(token)) push({ type: 'cancelTimer', token });
    },
    read: (what, found) => push({ type: 'readBlock', token: awaited.add({ type: 'read', found }), ...what }),
    write: (what, written) =>
      push({ type: 'writeBlock', token: awaited.add({ type: 'write', written }), ...what }),
    verdict: (link, verdict) => {
      // Neither the owner nor who is gone.
      if (peers.has(link)) push({ type: 'peerVerdict', link, verdict });
    },
    fold: ({ to, id, search }) => {
      const reference = parts.opennet().foldFor(to, search);
      if (reference !== undefined) push({ type: 'send', link: to, message: { type: 'fold', id, reference } });
    },
    dial: (candidate, ended) =>
      push({ type: 'dial', token: awaited.add({ type: 'dial', ended }), candidate }),
    closeLink: (link) => {
      if (requests.has(link)) push({ type: 'closeLink', link });
    },
    remember: (candidates) => push({ type: 'remember', candidates }),
    trace: (trace) => {
      if (options.traced === 'traced') push({ type: 'trace', trace });
    },
    served: (link) => parts.door().served(link),
    ended: ({ from, request, uid, spent, how }) => {
      requests.ended(from, request.id);
      if (from === LOCAL_LINK) parts.stem()?.ownEnded(request, how);
      parts.door().ended({ from, request }, spent);
      seen.answered(uid, now());
    },
  };
}
