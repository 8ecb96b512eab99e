/** An encrypted link whose carrier goes through a proxy: to its two ends it is a link like any other. */
import t from 'tap';
import { type Random, toText } from '../../../keys/index.ts';
import { listenTcp } from '../../../daemon/host/tcp.ts';
import { Connection, type ConnectionListener } from '../../../daemon/node/connection.ts';
import { Dialler } from '../../../daemon/node/dialler.ts';
import { ReplayGuard } from '../../../transport/index.ts';
import { SocksServer } from '../host/socks-server.ts';
import { SeededRandom } from '../../sim/random.ts';
import { STRANGER, identityOf, keysOf, referenceOf } from '../../transport/session-pair.ts';

function connectionOf(number: number, role: 'dial' | 'listen', listener: Partial<ConnectionListener>) {
  const random: Random = new SeededRandom(number);
  const replay = new ReplayGuard();
  return new Connection({
    role,
    session: {
      self: referenceOf(number),
      keys: keysOf(number),
      versions: { min: 1, max: 1 },
      random,
      replay,
    },
    listener: {
      admit: async (caller) =>
        replay.accept(caller) ? { type: 'accepted', secret: STRANGER } : { type: 'refused' },
      established: () => {},
      delivered: () => {},
      closed: () => {},
      ...listener,
    },
  });
}

void t.test(
  'a link through a proxy shows both ends who the other is, and carries messages both ways',
  async (t) => {
    const proxy = await SocksServer.start(t);
    const heard = Promise.withResolvers<string>();
    const answered = Promise.withResolvers<string>();
    const names: Record<string, string> = {};
    const server = await listenTcp({
      host: '127.0.0.1',
      port: 0,
      accept: (carrier) => {
        const connection = connectionOf(2, 'listen', {
          established: (identity) => {
            names['caller'] = toText(identity);
          },
          delivered: (payload) => {
            heard.resolve(Buffer.from(payload).toString());
            connection.send(Buffer.from('answer'), 'bulk');
          },
        });
        connection.open(carrier);
        return connection;
      },
    });
    t.teardown(() => server.close());
    const reference = referenceOf(2, { addresses: [`two.example:${server.port}`] });
    const peer = { identity: toText(reference.identity), reference, secret: STRANGER };
    const dialler = new Dialler({
      random: new SeededRandom(3),
      proxy,
      isLinked: () => false,
      find: () => undefined,
      prepare: () => {
        const connection = connectionOf(1, 'dial', {
          established: (identity) => {
            names['called'] = toText(identity);
            connection.send(Buffer.from('message'), 'bulk');
          },
          delivered: (payload) => answered.resolve(Buffer.from(payload).toString()),
        });
        return {
          received: (bytes) => connection.received(bytes),
          drained: () => connection.drained(),
          closed: (reason) => connection.closed(reason),
          open: (carrier) => connection.open(carrier, { peer: reference, secret: STRANGER }),
          dropped: () => answered.reject(new Error('no address answered')),
        };
      },
    });
    t.teardown(() => dialler.close());
    dialler.dial(peer);
    t.equal(await answered.promise, 'answer');
    t.equal(await heard.promise, 'message');
    t.same(names, { caller: toText(identityOf(1).publicKey), called: toText(identityOf(2).publicKey) });
    t.match(proxy.asked, [{ type: 'name', host: 'two.example', port: server.port }]);
  },
);
