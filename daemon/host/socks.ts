/**
 * Carriers through a SOCKS5 proxy (RFC 1928, 1929), like Tor's (docs/spec/node.md, 5). The proxy looks up names: nothing here asks
 * a name server about a peer. It never connects to a peer itself, so that a proxy that fails is a dial that fails.
 *
 * The proxy is no friend: what it answers may be garbage, endless, or nothing, and it reads and changes what it carries. That is
 * the session's concern, as with every carrier.
 *
 * Invariants: the only address that is connected to is the proxy's; a dial ends within `timeoutMs`.
 */
import { BlockList, type Socket, isIP, isIPv4 } from 'node:net';
import { SocksClient } from 'socks';
import type { Carrier, CarrierListener } from '../../transport/index.ts';
import { DialError } from './dial-error.ts';
import { hostLimits } from './limits.ts';
import { openSocket } from './open-socket.ts';
import { SocketCarrier } from './socket-carrier.ts';

export interface SocksDialOptions {
  readonly proxy: { readonly host: string; readonly port: number };
  /** The peer: a name, or an IP address. */
  readonly host: string;
  readonly port: number;
  /** Tor shares no circuit between streams of different users or passwords (IsolateSOCKSAuth). 1 to 255 bytes of ASCII each. */
  readonly user: string;
  readonly password: string;
  readonly listener: CarrierListener;
  readonly timeoutMs?: number;
  /** Calls the dial off, until it has succeeded. */
  readonly signal?: AbortSignal | undefined;
}

/** The listener hears nothing unless it succeeds. @throws DialError */
export async function dialSocks(options: SocksDialOptions): Promise<Carrier> {
  const { proxy, host, port, listener, timeoutMs = hostLimits.socksDialMs.value, signal } = options;
  if (isLocal(host)) {
    throw new DialError('local_through_proxy', `${host} would be the machine of the proxy, not the peer`);
  }
  const timeout = () =>
    new DialError('proxy_timeout', `the proxy did not connect to ${host}:${port} in time`);
  let reached = false;
  const negotiate = (socket: Socket) => {
    reached = true;
    return askFor(socket, { ...options, timeoutMs });
  };
  try {
    const socket = await openSocket({ ...proxy, timeoutMs, timeout, signal, negotiate });
    const carrier = new SocketCarrier(socket);
    carrier.listen(listener);
    return carrier;
  } catch (error) {
    if (error instanceof DialError || !(error instanceof Error)) throw error;
    if (reached) throw new DialError('proxy_invalid', `the proxy broke off: ${error.message}`);
    throw new DialError('proxy_unreachable', `the proxy does not answer: ${error.message}`);
  }
}

/**
 * Resolves when the proxy says that it is connected; what came behind that is given out again when the socket flows, in a later
 * turn of the event loop.
 */
async function askFor(
  socket: Socket,
  { proxy, host, port, user, password, timeoutMs }: SocksDialOptions & { readonly timeoutMs: number },
): Promise<void> {
  const answer = await SocksClient.createConnection({
    command: 'connect',
    proxy: { ...proxy, type: 5, userId: user, password },
    destination: { host, port },
    existing_socket: socket,
    // openSocket's own timer is earlier; without this one the package has one of 30 s.
    timeout: timeoutMs,
  }).catch((error: unknown) => {
    // The package's error holds the options, password included: nothing of it but its words goes on.
    throw refusal(error instanceof Error ? error.message : String(error));
  });
  // For an address of a type that there is not, the package takes the reply for one without an address.
  if (answer.remoteHost === undefined) {
    throw new DialError('proxy_invalid', 'the proxy answered with an address of an unknown type');
  }
}

/** The package has no codes: the beginnings of its messages are all there is. */
function refusal(words: string): DialError {
  const [, why] = /^Socks5 proxy rejected connection - (.*)$/u.exec(words) ?? [];
  if (why !== undefined) {
    const known = why === 'undefined' ? 'for a reason of its own' : why;
    return new DialError('proxy_refused', `the proxy refused: ${known}`);
  }
  if (/^Socks5 Authentication failed|no accepted authentication type/u.test(words)) {
    return new DialError('proxy_refused', 'the proxy refused user name and password');
  }
  return new DialError('proxy_invalid', `the proxy is none, or broke off: ${words}`);
}

/** Loopback, "this host" and link-local: ::/96 are the IPv4 addresses in their oldest IPv6 form, ::1 among them. */
const localAddresses = new BlockList();
localAddresses.addSubnet('0.0.0.0', 8, 'ipv4');
localAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
localAddresses.addSubnet('169.254.0.0', 16, 'ipv4');
localAddresses.addSubnet('::', 96, 'ipv6');
localAddresses.addSubnet('fe80::', 10, 'ipv6');

/**
 * Whether the address means the machine that connects, and that would be the proxy's. A reference may name any address, and what
 * listens on loopback only, like Tor's control port, trusts whoever reaches it. Addresses of private networks are left to the
 * proxy: it may be there to reach them, and Tor refuses them itself.
 */
function isLocal(host: string): boolean {
  if (isIP(host) !== 0) return localAddresses.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');
  // What resolvers read as a number is 127.0.0.1 in disguise: 127.1, 0x7f000001, 2130706433. What has colons is no name at all.
  return /(?:^|\.)(?:localhost|\d+|0x[0-9a-f]*)$/iu.test(host) || host.includes(':');
}
