/**
 * Where an address is: whose it may be together with others, and whether it may be dialled because a stranger says so. By the form
 * of the address alone; nothing is looked up (docs/spec/node.md, 5).
 *
 * A reference is signed by who it is about, so it may name any address: the machine that reads it, its router, or a stranger's
 * server. Invariant: for a stranger nothing is dialled that only this node could reach.
 */
import { BlockList, isIP, isIPv4 } from 'node:net';

/**
 * `local`: this machine, or an address that is nobody's: link-local (where clouds keep their credentials), multicast. `private`: of a
 * network that has the same numbers elsewhere.
 */
type Kind = 'local' | 'private' | 'public' | 'onion' | 'name';

/** What routing is told of a node's address. */
export interface Place {
  readonly group: string;
  readonly site: string;
}

interface Host extends Place {
  readonly kind: Kind;
}

/** What this node can reach. */
export interface Reach {
  /** Whether every dial goes through a proxy. */
  readonly through: 'proxy' | 'nothing';
  /** Hosts of its own, and of nodes that its owner has named: where its network is, if it is one of this machine or of a private network. */
  readonly near: readonly string[];
}

/** Where addresses cost nothing, all of them may be one operator's. */
const FREE = 'tor';

const local = new BlockList();
const network = new BlockList();
const mapped = new BlockList();
for (const [list, subnets] of [
  [local, ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/96', 'fe80::/10', 'ff00::/8']],
  [network, ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10']],
  [mapped, ['::ffff:0:0/96']],
] as const) {
  for (const subnet of subnets) {
    const [address = '', bits = ''] = subnet.split('/');
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
}

/**
 * The group and the site of a node at this host. On this machine every node is its own: test networks have no other addresses. So it is
 * without an address, because such a node is only ever met when it calls, and then its address is seen.
 */
export function placeOf(host: string | undefined, identity: string): Place {
  const at = host === undefined ? undefined : read(host);
  return at === undefined || at.kind === 'local'
    ? { group: identity, site: identity }
    : { group: at.group, site: at.site };
}

/**
 * Of a node that has called from `host`, as the socket says. Where callers come through a proxy or another forwarder their own addresses
 * are not seen, and those of the forwarder say nothing.
 */
export function placeOfCaller(
  host: string | undefined,
  { identity, behind }: { identity: string; behind: 'forwarder' | 'nothing' },
): Place {
  const kind = host === undefined ? 'local' : read(host).kind;
  if (behind === 'forwarder' && (kind === 'local' || kind === 'private'))
    return { group: FREE, site: identity };
  return placeOf(host, identity);
}

/**
 * Whether a stranger's word is enough to dial this host. A name passes: what it stands for is asked again when it has answered,
 * before anything is sent. What a private network's own devices listen for might be in a prefix, so none is sent there.
 */
export function mayDial(host: string, { reach, prefix }: { reach: Reach; prefix: Uint8Array }): boolean {
  const at = read(host);
  const isProxied = reach.through === 'proxy';
  const isNeighbour = (other: string) => {
    const near = read(other);
    return near.kind === at.kind && (at.kind === 'local' || near.group === at.group);
  };
  switch (at.kind) {
    case 'onion':
      return isProxied;
    case 'name':
    case 'public':
      return true;
    case 'private':
    case 'local':
      return !isProxied && prefix.length === 0 && reach.near.some(isNeighbour);
  }
}

/** Whether others can be expected to reach a node there: 'world', or who is in the same private network, or on this machine. */
export function reachOf(hosts: readonly string[]): 'world' | 'network' | 'machine' | 'nobody' {
  const kinds = new Set(hosts.map((host) => read(host).kind));
  if (kinds.has('public') || kinds.has('onion') || kinds.has('name')) return 'world';
  if (kinds.has('private')) return 'network';
  return kinds.has('local') ? 'machine' : 'nobody';
}

function read(text: string): Host {
  const host = text.toLowerCase();
  switch (isIP(host)) {
    case 4:
      return readIpv4(host);
    case 6:
      return readIpv6(host);
    default:
  }
  if (host.endsWith('.onion')) return { kind: 'onion', group: FREE, site: host };
  // What resolvers read as a number is 127.0.0.1 in disguise: 127.1, 0x7f000001, 2130706433.
  if (/(?:^|\.)(?:localhost|\d+|0x[0-9a-f]*)$/u.test(host)) return { kind: 'local', group: FREE, site: host };
  return { kind: 'name', group: FREE, site: host };
}

function readIpv4(host: string): Host {
  const octets = host.split('.');
  const kind = local.check(host) ? 'local' : network.check(host) ? 'private' : 'public';
  return { kind, group: octets.slice(0, 2).join('.'), site: octets.slice(0, 3).join('.') };
}

function readIpv6(host: string): Host {
  const bare = host.replace(/%.*$/u, '');
  const parts = hextets(bare);
  // ::ffff:a.b.c.d is how a socket that takes both names IPv4.
  if (mapped.check(bare, 'ipv6')) {
    const [high = 0, low = 0] = parts.slice(6).map((part) => Number.parseInt(part, 16));
    return readIpv4([high >> 8, high & 255, low >> 8, low & 255].join('.'));
  }
  const kind = local.check(bare, 'ipv6') ? 'local' : network.check(bare, 'ipv6') ? 'private' : 'public';
  return { kind, group: parts.slice(0, 2).join(':'), site: parts.slice(0, 3).join(':') };
}

/** Its eight parts, however it is written: URL has one way to write each address, in hexadecimal alone and without leading zeros. */
function hextets(ipv6: string): string[] {
  const written = new URL(`http://[${ipv6}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = written.split('::').map((side) => side.split(':').filter(Boolean));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return [...head, ...zeros, ...tail];
}
