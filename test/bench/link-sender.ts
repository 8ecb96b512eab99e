/** The end of the link bench that dials, in a process of its own: its parent names the ports, then one task after the other. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { dialTcp } from '../../daemon/host/tcp.ts';
import { Connection } from '../../daemon/node/connection.ts';
import { messageVersions } from '../../routing/index.ts';
import { ReplayGuard } from '../../transport/index.ts';
import { STRANGER, keysOf, referenceOf } from '../transport/session-pair.ts';
import {
  ACK_EVERY,
  AHEAD,
  CONTROLS,
  CONTROL_BYTES,
  DIALLER,
  HOST,
  LISTENER,
  MESSAGES,
  type Outcome,
  type Ports,
  type Task,
  payload,
  random,
} from './link-load.ts';

const CONTROL_EVERY_MS = 2;

/** The same messages straight into a socket, waiting whenever it says so, until the other side has said that it has all. */
async function overTcp(port: number): Promise<Outcome> {
  const socket = connect({ host: HOST, port, noDelay: true });
  await once(socket, 'connect');
  const done = once(socket, 'data');
  const began = performance.now();
  for (let sent = 0; sent < MESSAGES; sent += 1) {
    if (!socket.write(payload(sent))) await once(socket, 'drain');
  }
  await done;
  const seconds = (performance.now() - began) / 1_000;
  socket.destroy();
  return { seconds, delaysMs: [] };
}

/** Over one link. With `controls`, the messages go on for as long as it takes to send these between them. */
async function overLink(port: number, { controls }: { controls: number }): Promise<Outcome> {
  const established = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const delaysMs: number[] = [];
  const last = controls > 0 ? Infinity : MESSAGES;
  let sent = 0;
  let acknowledged = 0;
  const isOver = () => (controls > 0 ? delaysMs.length >= controls : acknowledged >= MESSAGES);
  const sendMore = () => {
    while (sent < Math.min(acknowledged + AHEAD, last)) connection.send(payload(sent++), 'bulk');
  };
  const connection = new Connection({
    role: 'dial',
    session: {
      self: referenceOf(DIALLER),
      keys: keysOf(DIALLER),
      versions: messageVersions,
      random,
      replay: new ReplayGuard(),
    },
    listener: {
      admit: async () => ({ type: 'refused' }),
      established: () => established.resolve(),
      delivered: (answer) => {
        if (answer.length === CONTROL_BYTES)
          delaysMs.push(Number(Buffer.from(answer).readBigUInt64BE()) / 1e6);
        else acknowledged += ACK_EVERY;
        if (isOver()) done.resolve();
        else sendMore();
      },
      closed: (reason) => done.reject(new Error(`the link was closed: ${reason}`)),
    },
  });
  const carrier = await dialTcp({ host: HOST, port, listener: connection });
  connection.open(carrier, { peer: referenceOf(LISTENER), secret: STRANGER });
  await established.promise;
  const began = performance.now();
  sendMore();
  const timer = setInterval(() => {
    if (controls > 0) connection.send(timeStamp(), 'control');
  }, CONTROL_EVERY_MS);
  await done.promise;
  const seconds = (performance.now() - began) / 1_000;
  clearInterval(timer);
  connection.destroy('done');
  return { seconds, delaysMs };
}

function timeStamp(): Uint8Array {
  const bytes = Buffer.alloc(CONTROL_BYTES);
  bytes.writeBigUInt64BE(process.hrtime.bigint());
  return bytes;
}

function perform(task: Task, ports: Ports): Promise<Outcome> {
  switch (task) {
    case 'tcp':
      return overTcp(ports.tcp);
    case 'link':
      return overLink(ports.link, { controls: 0 });
    case 'control':
      return overLink(ports.link, { controls: CONTROLS });
  }
}

process.on('message', ({ task, ports }: { task: Task; ports: Ports }) => {
  void perform(task, ports).then((outcome) => process.send?.(outcome));
});
process.once('disconnect', () => process.exit());
