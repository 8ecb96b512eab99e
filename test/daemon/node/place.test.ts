/** Which network an address is in, and which addresses a stranger can't send this node to. */
import t from 'tap';
import { mayDial, placeOf, placeOfCaller, reachOf } from '../../../daemon/node/place.ts';

const NO_PREFIX = new Uint8Array(0);
const world = { through: 'nothing', near: ['203.0.113.9'] } as const;
const machine = { through: 'nothing', near: ['127.0.0.1'] } as const;
const lan = { through: 'nothing', near: ['192.168.1.5', 'fd00:1::5'] } as const;
const proxied = { through: 'proxy', near: [] } as const;

void t.test('a place is the network of the address, however that is written', (t) => {
  for (const [host, group, site] of [
    ['192.0.2.77', '192.0', '192.0.2'],
    ['::ffff:192.0.2.77', '192.0', '192.0.2'],
    ['::FFFF:c000:24d', '192.0', '192.0.2'],
    ['2001:db8:7::1', '2001:db8', '2001:db8:7'],
    ['2001:0DB8:0007:0:0:0:0:2', '2001:db8', '2001:db8:7'],
    ['2001:db8:7::192.0.2.1', '2001:db8', '2001:db8:7'],
    ['abcdef.onion', 'tor', 'abcdef.onion'],
    ['Node.Example', 'tor', 'node.example'],
  ] as const)
    t.same(placeOf(host, 'me'), { group, site }, host);
  t.end();
});

void t.test('on one machine, and without an address, every node is a place of its own', (t) => {
  for (const host of ['127.0.0.1', '127.8.8.8', '::1', 'localhost', 'fe80::1%eth0', undefined])
    t.same(placeOf(host, 'me'), { group: 'me', site: 'me' }, host ?? 'no address');
  t.end();
});

void t.test('who comes through a forwarder is of one group with all others who do', (t) => {
  const behind = 'forwarder';
  for (const host of ['127.0.0.1', '::1', '172.17.0.1', undefined])
    t.same(placeOfCaller(host, { identity: 'me', behind }), { group: 'tor', site: 'me' });
  t.same(placeOfCaller('192.0.2.1', { identity: 'me', behind }), { group: '192.0', site: '192.0.2' });
  const local = placeOfCaller('127.0.0.1', { identity: 'me', behind: 'nothing' });
  t.same(local, { group: 'me', site: 'me' });
  t.end();
});

void t.test('a stranger sends no node to itself, to the devices around it, or past its proxy', (t) => {
  const inward = [
    '127.0.0.1 127.1 0x7f000001 2130706433 0.0.0.0 localhost a.localhost',
    '::1 :: ::ffff:127.0.0.1 169.254.169.254 fe80::1 224.0.0.1 255.255.255.255',
    '10.0.0.1 172.16.0.1 192.168.2.1 100.64.0.1 fd00:2::1 ::ffff:10.0.0.1',
  ].flatMap((hosts) => hosts.split(' '));
  for (const host of inward) {
    t.notOk(mayDial(host, { reach: world, prefix: NO_PREFIX }), host);
    t.notOk(mayDial(host, { reach: proxied, prefix: NO_PREFIX }), `${host} by proxy`);
  }
  for (const host of ['192.0.2.1', '2001:db8::1', 'node.example'])
    for (const reach of [world, proxied]) t.ok(mayDial(host, { reach, prefix: Buffer.from('GET /') }), host);
  t.notOk(mayDial('abc.onion', { reach: world, prefix: NO_PREFIX }));
  t.ok(mayDial('abc.onion', { reach: proxied, prefix: NO_PREFIX }));
  t.end();
});

void t.test('nodes of one machine or one private network reach each other, but send no prefix there', (t) => {
  const prefix = Buffer.from('FLUSHALL\r\n');
  for (const [host, reach] of [
    ['127.0.0.1', machine],
    ['192.168.200.7', lan],
    ['fd00:1::9', lan],
  ] as const) {
    t.ok(mayDial(host, { reach, prefix: NO_PREFIX }), host);
    t.notOk(mayDial(host, { reach, prefix }), `${host} with a prefix`);
  }
  for (const host of ['10.0.0.1', 'fd00:2::1', '127.0.0.1'])
    t.notOk(mayDial(host, { reach: lan, prefix: NO_PREFIX }), `${host} from elsewhere`);
  t.end();
});

void t.test('who can call a node is the widest of its addresses', (t) => {
  t.equal(reachOf([]), 'nobody');
  t.equal(reachOf(['127.0.0.1']), 'machine');
  t.equal(reachOf(['127.0.0.1', '10.0.0.1']), 'network');
  for (const host of ['192.0.2.1', 'abc.onion', 'a.example']) t.equal(reachOf(['10.0.0.1', host]), 'world');
  t.end();
});
