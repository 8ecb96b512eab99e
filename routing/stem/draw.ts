/**
 * From whom the next guard is drawn, which place it gets and who goes for it (docs/spec/stem.md, 2). Pure functions of who is there.
 *
 * They draw nothing: whoever is in the list has the same chance. They do not see cost, load, silence, list or uptime of a peer: whoever
 * looked better by these would be drawn more often, and spies can look as they like.
 *
 * Invariants: nobody is in the list who is of the group of a guard that stays, nor who was there for too short a time, but friends, and
 * everybody in a small network; a guard that has not ended, is not lost and is no dead end goes for a first friend alone.
 */
import type { LinkId } from '../peer.ts';
import type { Guard } from './guard.ts';
import { stemLimits } from './limits.ts';

/** So many friends and more: no strangers are drawn. */
const FRIENDS_ALONE = 3;
/** A third provisional guard is never drawn. */
const PROVISIONAL = 2;

/** A confirmed peer that is no guard and may be asked for a place. */
export interface Drawable {
  readonly identity: string;
  readonly link: LinkId;
  readonly group: string;
  readonly isFriend: boolean;
  /** Connected for long enough, altogether. */
  readonly isOld: boolean;
  /** Whether it could be called when it is away. */
  readonly isFindable: boolean;
  /** For how long it has been confirmed on this link. */
  readonly thereMs: number;
  /** Who has offered it; undefined where nobody has. */
  readonly source: string | undefined;
}

export interface Scene {
  readonly peers: readonly Drawable[];
  /** In their order. */
  readonly guards: readonly Guard[];
  /** Identities of the friends that are there and count, guards included. */
  readonly friends: ReadonlySet<string>;
  /** Nobody but friends was there for a while, or nobody can be who was not added. */
  readonly isOfFriends: boolean;
  /** Friends among the guards that have no way but back through this node. */
  readonly deadEnds: ReadonlySet<Guard>;
  /** The network is so small, or of friends, that everybody is a candidate. */
  readonly isSmall: boolean;
  /** Since when this node has had some link, by the router's time. */
  readonly onlineAt: number;
}

export interface Draw {
  readonly state: 'draw';
  readonly place: 'first' | 'last';
  readonly from: readonly Drawable[];
  readonly isProvisional: boolean;
  readonly outgoing: Guard | undefined;
}

/** The draw that is due; or in how many milliseconds a provisional one will be, if nothing else happens. */
export function drawFor(scene: Scene): Draw | { readonly state: 'wait'; readonly ms: number } {
  const { guards, onlineAt, deadEnds } = scene;
  if (guards.length < stemLimits.guards.value) {
    const draw = candidates(scene, guards);
    if (draw.from.length > 0) return { state: 'draw', ...draw, isProvisional: false, outgoing: undefined };
  }
  for (const outgoing of outgoings(scene)) {
    const draw = candidates(
      scene,
      guards.filter((guard) => guard !== outgoing),
    );
    // A friend is not given up for a stranger while it comes back at all; nor is anybody before his time but for a friend.
    const isGone = outgoing.isLost(onlineAt) || deadEnds.has(outgoing);
    const forFriend = !isGone && (outgoing.kind === 'friend' || !outgoing.hasEnded);
    const from = forFriend ? draw.from.filter(({ isFriend }) => isFriend) : draw.from;
    if (from.length > 0) return { state: 'draw', ...draw, from, isProvisional: false, outgoing };
  }
  return provisional(scene);
}

/** Who would go for another one, who is expected back least first. */
export function outgoings({
  guards,
  onlineAt,
  deadEnds,
}: Pick<Scene, 'guards' | 'onlineAt' | 'deadEnds'>): readonly Guard[] {
  const lost = guards.filter((guard) => guard.isLost(onlineAt) || deadEnds.has(guard));
  const ended = guards.filter((guard) => !lost.includes(guard) && guard.hasEnded);
  const isFull = guards.length >= stemLimits.guards.value;
  const last = isFull && guards.every(({ kind }) => kind !== 'friend') ? guards.slice(-1) : [];
  return [...lost, ...ended, ...last];
}

function candidates(scene: Scene, stay: readonly Guard[]): Pick<Draw, 'place' | 'from'> {
  const { peers, isSmall, isOfFriends } = scene;
  const ofFriends = peers.filter(({ isFriend }) => isFriend);
  const ofOthers = isSmall
    ? peers.filter(({ isFriend }) => !isFriend)
    : others(peers, stay).filter(({ isOld, isFindable }) => isOld && isFindable);
  const guardFriends = stay.filter(({ kind }) => kind === 'friend').map(({ identity }) => identity);
  const friends = new Set([...scene.friends, ...guardFriends]).size;
  if (friends === 0) return { place: 'last', from: ofOthers };
  if (guardFriends.length === 0) {
    if (ofFriends.length > 0) return { place: 'first', from: ofFriends };
    // The first place is kept for the friend.
    const isRoom = friends < FRIENDS_ALONE && stay.length < stemLimits.guards.value - 1;
    return { place: 'last', from: isRoom ? ofOthers : [] };
  }
  if (friends >= FRIENDS_ALONE) return { place: 'last', from: ofFriends };
  return { place: 'last', from: isOfFriends ? [...ofFriends, ...ofOthers] : ofOthers };
}

function provisional({ peers, guards, onlineAt }: Scene): ReturnType<typeof drawFor> {
  const { provisionalPeers, provisionalSources, provisionalMs, provisionalAwayMs } = stemLimits;
  const isMore =
    guards.length < PROVISIONAL && guards.every((guard) => guard.isProvisional && !guard.hasPlace);
  if (!isMore) return { state: 'wait', ms: Infinity };
  const from = others(peers, guards).filter(({ isFindable }) => isFindable);
  const sources = new Set(from.flatMap(({ source }) => source ?? []));
  const areMany = from.length >= provisionalPeers.value && sources.size >= provisionalSources.value;
  const readyInMs = areMany ? 0 : provisionalMs.value - Math.max(...from.map(({ thereMs }) => thereMs));
  const awayInMs = guards.map((guard) => provisionalAwayMs.value - guard.awayMs(onlineAt));
  const ms = Math.max(readyInMs, ...awayInMs);
  if (ms > 0) return { state: 'wait', ms };
  return { state: 'draw', place: 'last', from, isProvisional: true, outgoing: undefined };
}

function others(peers: readonly Drawable[], stay: readonly Guard[]): Drawable[] {
  const groups = new Set(stay.map(({ group }) => group));
  return peers.filter(({ isFriend, group }) => !isFriend && !groups.has(group));
}
