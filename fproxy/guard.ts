/**
 * Who may ask at all: decided from the request's head alone, before routing, before a body is read, before the node hears of it
 * (docs/spec/fproxy.md, 2). A web page elsewhere can make the person's browser send requests to loopback, directly or by a
 * name that it rebinds to 127.0.0.1; nothing that such a page causes may reach the node, because a fetch tells what is read here
 * and an insert speaks in the person's name.
 *
 * It does not know keys, pages or tokens. It cannot tell other programs on this machine from the person: they may do what curl may.
 *
 * Invariant: `pass` is given only for a Host on the list and for a request that no other site caused, as far as the browser says.
 * Values are compared as wholes; a repeated or unknown header value never equals an allowed one.
 */
import type { IncomingMessage } from 'node:http';

/** The part of `IncomingMessage` that decides. `headersDistinct` keeps repetitions apart where `headers` drops them. */
export type Asked = Pick<IncomingMessage, 'method' | 'url' | 'headersDistinct'>;

export type Verdict =
  | { readonly type: 'pass'; readonly origin: string }
  /** A person's own navigation, begun on another site: answered by a page that asks, and nothing else. */
  | { readonly type: 'confirm'; readonly origin: string }
  | { readonly type: 'refuse'; readonly code: 'host_not_allowed' | 'cross_site'; readonly message: string };

/** The values of Host under which a gateway on this address is reached. 80 is the port that browsers leave out. */
export function allowedHosts(address: '127.0.0.1' | '::1', port: number): ReadonlySet<string> {
  const names = [address === '::1' ? '[::1]' : address, 'localhost'];
  return new Set(names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])));
}

export function judge(asked: Asked, hosts: ReadonlySet<string>): Verdict {
  const header = (name: string) => asked.headersDistinct[name]?.join(', ');
  // An absolute target names a host of its own, which would have to be checked too; only users of a forward proxy send one.
  if (asked.url?.startsWith('/') !== true) return misdirected('this is not a forward proxy');
  const host = header('host');
  if (host === undefined || !hosts.has(host))
    return misdirected('the Host header names no address of this gateway');

  const origin = `http://${host}`;
  if ((header('origin') ?? origin) !== origin) return foreign('the Origin header names another site');
  if (cameFromHere(header, origin, changesState(asked.method))) return { type: 'pass', origin };
  if (asked.method === 'GET' && navigates(header)) return { type: 'confirm', origin };
  return foreign('another web page caused this request');
}

type Header = (name: string) => string | undefined;

/** Anything but a plain read; what is no method of ours is refused later and counts as a change until then. */
function changesState(method: string | undefined): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

function cameFromHere(header: Header, origin: string, changes: boolean): boolean {
  const site = header('sec-fetch-site');
  if (site === 'same-origin') return true;
  // Typed or bookmarked; no browser sends a form or a PUT that way.
  if (site === 'none') return !changes;
  if (site !== undefined) return false;
  // Programs, and browsers of old: those tell where a request comes from by Origin (checked above) and mostly by Referer.
  const referer = header('referer');
  return referer === undefined || referer === origin || referer.startsWith(`${origin}/`);
}

function navigates(header: Header): boolean {
  if (header('sec-fetch-site') === undefined) return true;
  return header('sec-fetch-mode') === 'navigate' && header('sec-fetch-dest') === 'document';
}

function misdirected(message: string): Verdict {
  return { type: 'refuse', code: 'host_not_allowed', message };
}

function foreign(message: string): Verdict {
  return { type: 'refuse', code: 'cross_site', message };
}
