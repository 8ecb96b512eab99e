/**
 * A SOCKS5 proxy for tests, on a real socket: CONNECT alone (RFC 1928), with or without user name and password (RFC 1929). It
 * looks up no names: every destination is on loopback, so that a name which works was sent to the proxy as it was. It remembers
 * what it was asked.
 */
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import type { Test } from 'tap';

export interface Asked {
  /** Absent if the proxy chose to ask for none. */
  readonly user?: string;
  readonly password?: string;
  readonly type: 'ipv4' | 'name' | 'ipv6';
  /** A name as it was sent; an address in hexadecimal. */
  readonly host: string;
  readonly port: number;
}

interface SocksServerOptions {
  /** Which method it chooses; `password` refuses callers that don't offer it. */
  readonly method?: 'none' | 'password';
  /** The reply's code: 0 connects. */
  readonly reply?: number;
  /** The address in the reply; RFC 1928 allows all three kinds. */
  readonly bound?: Buffer;
  /** What is sent in one piece with the reply, before anything of the peer. */
  readonly eager?: Buffer;
  /** Whether what the proxy itself says comes byte by byte. */
  readonly pace?: 'whole' | 'bytewise';
}

const TYPES = { 1: 'ipv4', 3: 'name', 4: 'ipv6' } as const;
const LENGTHS = { ipv4: 4, ipv6: 16 } as const;
const ANY_IPV4 = Buffer.from([1, 0, 0, 0, 0, 0, 0]);

/** What has gone through one connection, either way. */
export interface Carried {
  readonly up: Buffer[];
  readonly down: Buffer[];
}

export class SocksServer {
  readonly asked: Asked[] = [];
  readonly carried: Carried[] = [];
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #sockets: Set<Socket>;

  private constructor(port: number, sockets: Set<Socket>) {
    this.port = port;
    this.#sockets = sockets;
  }

  /** Connections with callers and with those that they asked for. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Ends with the test. */
  static async start(t: Test, options: SocksServerOptions = {}): Promise<SocksServer> {
    const sockets = new Set<Socket>();
    const keep = (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      // How it ended is seen by whoever is at the other end.
      socket.on('error', () => {});
    };
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      keep(socket);
      serve(socket, {
        ...options,
        keep,
        asked: (what) => self.asked.push(what),
        carried: (what) => self.carried.push(what),
      }).catch(() => socket.destroy());
    }).listen(0, '127.0.0.1');
    t.teardown(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    await once(server, 'listening');
    const self = new SocksServer((server.address() as AddressInfo).port, sockets);
    return self;
  }
}

async function serve(
  caller: Socket,
  options: SocksServerOptions & {
    keep: (socket: Socket) => void;
    asked: (what: Asked) => void;
    carried: (what: Carried) => void;
  },
): Promise<void> {
  const { method = 'password', reply = 0, bound = ANY_IPV4, eager = Buffer.alloc(0), pace, keep } = options;
  const read = readerOf(caller);
  const say = async (bytes: Buffer) => {
    for (const piece of pace === 'bytewise' ? [...bytes].map((byte) => Buffer.from([byte])) : [bytes]) {
      caller.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const [version, count = 0] = await read(2);
  const wanted = method === 'password' ? 2 : 0;
  if (version !== 5 || !(await read(count)).includes(wanted)) {
    caller.end(Buffer.from([5, 0xff]));
    return;
  }
  await say(Buffer.from([5, wanted]));
  const who = method === 'password' ? await credentials(read, say) : {};
  const [, command, , typeByte] = await read(4);
  const type = TYPES[typeByte as keyof typeof TYPES];
  if (command !== 1 || type === undefined) throw new Error('not a request that this proxy knows');
  const address = await read(type === 'name' ? ((await read(1))[0] ?? 0) : LENGTHS[type]);
  const port = (await read(2)).readUInt16BE();
  options.asked({ ...who, type, host: address.toString(type === 'name' ? 'latin1' : 'hex'), port });
  if (reply !== 0) {
    caller.end(Buffer.concat([Buffer.from([5, reply, 0]), bound]));
    return;
  }
  const peer = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  keep(peer);
  await once(peer, 'connect');
  await say(Buffer.concat([Buffer.from([5, 0, 0]), bound, eager]));
  const carried: Carried = { up: [], down: [] };
  options.carried(carried);
  caller.on('data', (bytes: Buffer) => carried.up.push(bytes));
  peer.on('data', (bytes: Buffer) => carried.down.push(bytes));
  caller.pipe(peer).pipe(caller);
  for (const [one, other] of [
    [caller, peer],
    [peer, caller],
  ] as const) {
    one.once('close', (broken) => (broken ? other.destroy() : other.end()));
  }
}

async function credentials(
  read: (count: number) => Promise<Buffer>,
  say: (bytes: Buffer) => Promise<void>,
): Promise<{ user: string; password: string }> {
  const text = async () => (await read((await read(1))[0] ?? 0)).toString('latin1');
  await read(1);
  const who = { user: await text(), password: await text() };
  await say(Buffer.from([1, 0]));
  return who;
}

/** Exactly so many bytes each time; what comes behind them stays in the socket. */
function readerOf(socket: Socket): (count: number) => Promise<Buffer> {
  return async (count) => {
    for (;;) {
      if (count === 0) return Buffer.alloc(0);
      const bytes = socket.read(count) as Buffer | null;
      if (bytes?.length === count) return bytes;
      if (bytes !== null || socket.readableEnded) throw new Error('the caller broke off');
      await once(socket, 'readable');
    }
  };
}
