/**
 * `host:port` as text and back. Looks at the form alone: whether a host exists, or may be dialled, is not decided here.
 */
import { ParseError } from '../keys/index.ts';

interface Address {
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/iu;
const IPV6 = /^(?=.*:)[0-9a-f:.]{2,45}$/iu;
const PORT = /^[1-9][0-9]{0,4}$/u;

/** @throws ParseError bad_reference unless it is `name:port`, `1.2.3.4:port` or `[v6]:port`, the port from 1 to 65535. */
export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(0, colon));
  const portText = text.slice(colon + 1);
  const port = Number(portText);
  const bracketed = host.startsWith('[') && host.endsWith(']');
  const bare = bracketed ? host.slice(1, -1) : host;
  if (!(bracketed ? IPV6 : NAME).test(bare) || !PORT.test(portText) || port > 65_535) {
    throw new ParseError(
      'bad_reference',
      `${JSON.stringify(text.slice(0, 300))} is not an address: host:port`,
    );
  }
  return { host: bare, port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
