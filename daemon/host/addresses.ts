/** Under which addresses a listening socket can be reached from elsewhere, as far as this machine knows. */
import { networkInterfaces } from 'node:os';
import { formatAddress } from '../../transport/index.ts';

const EVERYWHERE = new Set(['0.0.0.0', '::']);

/** A socket that listens everywhere is reached at every interface that others can see; behind a NAT none of them may do. */
export function reachableAddresses({ host, port }: { host: string; port: number }): string[] {
  if (!EVERYWHERE.has(host)) return [formatAddress({ host, port })];
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(
      ({ internal, family, scopeid }) => !internal && (family === 'IPv4' ? true : host === '::' && !scopeid),
    )
    .map(({ address }) => formatAddress({ host: address, port }));
}
