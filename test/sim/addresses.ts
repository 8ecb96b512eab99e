/**
 * Where nodes live, as far as peers can tell: an IPv4 address each, from which group (/16) and site (/24) are made as the daemon
 * makes them. Without addresses every node is a group and a site of its own, as on loopback.
 */
import { fractionOf } from './random.ts';

/** The address of a node, as text. */
export type Addresses = (node: number) => string;

export interface Place {
  readonly group: string;
  readonly site: string;
}

/** Anywhere, drawn evenly: many nodes share a /16 only when there are many. */
export function scattered(seed: number): Addresses {
  return (node) => ipv4((part) => fractionOf(seed, node, part));
}

/** Like `scattered`, but all of whom `isCrowded` says so live in one /16, as an operator's rented machines do. */
export function crowded(options: { seed: number; isCrowded: (node: number) => boolean }): Addresses {
  const { seed, isCrowded } = options;
  return (node) => ipv4((part) => fractionOf(seed, part < 2 && isCrowded(node) ? -1 : node, part));
}

export function placeOf(node: number, addresses: Addresses | undefined): Place {
  if (addresses === undefined) return { group: `g${node}`, site: `s${node}` };
  const [a, b, c] = addresses(node).split('.');
  return { group: `${a}.${b}`, site: `${a}.${b}.${c}` };
}

function ipv4(part: (index: number) => number): string {
  const byte = (index: number): number => Math.floor(part(index) * 256);
  // 1 … 223: what can be somebody's.
  return [1 + Math.floor(part(0) * 223), byte(1), byte(2), byte(3)].join('.');
}
