/** Where a listening node can be reached, as its reference says. */
import { networkInterfaces } from 'node:os';
import t from 'tap';
import { reachableAddresses } from '../../daemon/host/addresses.ts';
import { parseAddress } from '../../transport/index.ts';

t.test('a socket on one address is reached there', async (t) => {
  t.same(reachableAddresses({ host: '127.0.0.1', port: 7 }), ['127.0.0.1:7']);
  t.same(reachableAddresses({ host: '::1', port: 7 }), ['[::1]:7']);
});

t.test('a socket that listens everywhere is reached at the interfaces that others can see', async (t) => {
  const external = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  const addresses = reachableAddresses({ host: '0.0.0.0', port: 7 });
  t.same(
    addresses,
    external.map(({ address }) => `${address}:7`),
  );
  for (const address of reachableAddresses({ host: '::', port: 7 })) t.equal(parseAddress(address).port, 7);
});
