/**
 * The end of the link bench that others dial, in a process of its own. It tells its parent its ports and then serves until it is
 * killed: on the one port it counts bytes, on the other it is a node that takes messages and says how many it has.
 */
import { type AddressInfo, createServer } from 'node:net';
import { Connection } from '../../daemon/node/connection.ts';
import { listenTcp } from '../../daemon/host/tcp.ts';
import { messageVersions } from '../../routing/index.ts';
import { ReplayGuard } from '../../transport/index.ts';
import { STRANGER, keysOf, referenceOf } from '../transport/session-pair.ts';
import {
  ACK_EVERY,
  CONTROL_BYTES,
  HOST,
  LISTENER,
  PAYLOAD_BYTES,
  type Ports,
  ROUND_BYTES,
  random,
} from './link-load.ts';

const raw = createServer({ noDelay: true }, (socket) => {
  let receivedBytes = 0;
  socket.on('data', (bytes) => {
    receivedBytes += bytes.length;
    if (receivedBytes >= ROUND_BYTES) socket.end(Buffer.from([1]));
  });
});

const replay = new ReplayGuard();

function answering(): Connection {
  let messages = 0;
  const connection = new Connection({
    role: 'listen',
    session: {
      self: referenceOf(LISTENER),
      keys: keysOf(LISTENER),
      versions: messageVersions,
      random,
      replay,
    },
    listener: {
      admit: async (caller) => {
        if (!replay.accept(caller)) return { type: 'refused' };
        return { type: 'accepted', secret: STRANGER };
      },
      established: () => {},
      delivered: (payload) => {
        if (payload.length === CONTROL_BYTES) return connection.send(stamped(payload), 'control');
        if (payload.length !== PAYLOAD_BYTES)
          throw new Error(`${payload.length} bytes are no message of this bench`);
        messages += 1;
        if (messages % ACK_EVERY === 0) connection.send(new Uint8Array(1), 'control');
      },
      closed: () => {},
    },
  });
  return connection;
}

/** The time of sending made to how long it took. The monotonic clock is one for all processes. */
function stamped(payload: Uint8Array): Uint8Array {
  const answer = Buffer.from(payload);
  answer.writeBigUInt64BE(process.hrtime.bigint() - answer.readBigUInt64BE());
  return answer;
}

const listening = await listenTcp({
  host: HOST,
  port: 0,
  accept: (carrier) => {
    const connection = answering();
    connection.open(carrier);
    return connection;
  },
});
raw.listen(0, HOST, () => {
  const ports: Ports = { tcp: (raw.address() as AddressInfo).port, link: listening.port };
  process.send?.(ports);
});
process.once('disconnect', () => process.exit());
