/**
 * What the machines of this folder may see and do: the router's side of the seam, without its tables. `now` is the time of the event
 * being handled. And what the host answers about references: routing never looks inside of one.
 */
import type { Location, Random } from '../../keys/index.ts';
import type { Token, Verdict } from '../effect.ts';
import type { PeerMessage } from '../messages.ts';
import type { NetworkParams } from '../network.ts';
import type { Candidate, LinkId } from '../peer.ts';
import type { PeerTable } from '../peers.ts';

export interface OpennetOptions {
  /** This node's signed reference as it stands now, what was paid for it, and whether others can dial it. Asked each time. */
  readonly own: () => {
    readonly reference: Uint8Array;
    readonly proof: Uint8Array;
    readonly dialable: boolean;
  };
  /** Undefined unless it is valid and of this network. */
  readonly readReference: (reference: Uint8Array) => Candidate | undefined;
  readonly isPaid: (reference: Uint8Array, proof: Uint8Array) => boolean;
  /** `quiet`: no checks, probes or announcements of its own accord, for measuring a network that stands still. Default `on`. */
  readonly upkeep?: 'on' | 'quiet';
}

export interface PeerDesk {
  readonly now: number;
  readonly params: NetworkParams;
  /** Of this node. */
  readonly location: Location;
  readonly random: Random;
  readonly peers: PeerTable;
  /** Does nothing when the link is gone. */
  send(link: LinkId, message: PeerMessage): void;
  setTimer(at: number, fired: () => void): Token;
  /** Does nothing when the timer has fired. */
  cancelTimer(token: Token): void;
  verdict(link: LinkId, verdict: Verdict): void;
  dial(candidate: Candidate, ended: (outcome: 'linked' | 'failed') => void): void;
  closeLink(link: LinkId): void;
  remember(candidates: readonly Candidate[]): void;
}

/** 0 … 1 without 1, in 2^-32. */
export function fraction(random: Random): number {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
  return (a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) / 2 ** 32;
}

/** `ms` ± a quarter, so that nodes that began together do not go on together, and nobody can count on the moment. */
export function about(ms: number, random: Random): number {
  return ms * (0.75 + fraction(random) / 2);
}

export function oneOf<T>(items: readonly T[], random: Random): T | undefined {
  return items[Math.floor(fraction(random) * items.length)];
}
