/**
 * The wires between the daemons of a test: each node announces a door here instead of the port that it listens at, so every
 * connection leads through the relay, which can reset, stall or slow down the link of any two nodes. What passes is not looked at.
 *
 * Who has dialled is found by the system's table of sockets (/proc), because all of them come from 127.0.0.1 and the first bytes of a
 * link tell nothing. Invariant: with every link `open` the relay adds nothing but a moment: ends and resets pass as they are.
 */
import { once } from 'node:events';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';

/**
 * `cut`: what is connected is reset, and so is who connects. `stalled`: connections stay and are accepted, and not a byte passes.
 * `slow`: each direction passes so many bytes a second.
 */
export type LinkState =
  | { readonly type: 'open' }
  | { readonly type: 'cut' }
  | { readonly type: 'stalled' }
  | { readonly type: 'slow'; readonly bytesPerSecond: number };

/** A node as the relay knows it. Undefined while its process is away. */
export interface End {
  readonly pid: number | undefined;
  /** Where it listens. */
  readonly port: number | undefined;
}

interface Wire {
  readonly pair: string;
  readonly sockets: Socket[];
}

export const OPEN: LinkState = { type: 'open' };
export const CUT: LinkState = { type: 'cut' };
export const STALLED: LinkState = { type: 'stalled' };

const HOST = '127.0.0.1';
/** Of a slow link, passed on at one time. */
const SLICE_BYTES = 4_096;

export class Relay {
  readonly #ends: (number: number) => End | undefined;
  readonly #count: () => number;
  readonly #servers: Server[] = [];
  readonly #states = new Map<string, LinkState>();
  readonly #wires = new Set<Wire>();
  /** Woken when a link has got another state. */
  #changed = Promise.withResolvers<void>();
  #closed = false;
  /** Full slices that slow links have begun to pass on: parts of blocks, because nothing else is so long. */
  slowSlices = 0;

  constructor(t: Test, nodes: { end: (number: number) => End | undefined; count: () => number }) {
    this.#ends = nodes.end;
    this.#count = nodes.count;
    t.teardown(() => this.#close());
  }

  /** Opens the door of a node, for as long as the test lasts. @returns `host:port` to announce */
  async door(number: number): Promise<string> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      const door = socket.localPort ?? 0;
      socket.on('error', () => {});
      const caller = this.#whoHas({ port: socket.remotePort ?? 0, to: door });
      if (caller === undefined || this.#closed) socket.resetAndDestroy();
      else void this.#connected(socket, { caller, called: number });
    });
    this.#servers.push(server.listen(0, HOST));
    await once(server, 'listening');
    return `${HOST}:${(server.address() as AddressInfo).port}`;
  }

  /** From now on. */
  set([a, b]: readonly [number, number], state: LinkState): void {
    const pair = pairOf(a, b);
    this.#states.set(pair, state);
    if (state.type === 'cut') for (const wire of this.#wires) if (wire.pair === pair) reset(wire);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Connections between two nodes. */
  between([a, b]: readonly [number, number]): number {
    return [...this.#wires].filter(({ pair }) => pair === pairOf(a, b)).length;
  }

  async #connected(inward: Socket, { caller, called }: { caller: number; called: number }): Promise<void> {
    const wire: Wire = { pair: pairOf(caller, called), sockets: [inward] };
    this.#wires.add(wire);
    if (await this.#mayPass(wire)) {
      const port = this.#ends(called)?.port;
      const outward = port === undefined ? undefined : await dialled(port);
      if (outward === undefined || this.#closed || this.#stateOf(wire).type === 'cut') {
        outward?.destroy();
        reset(wire);
      } else {
        wire.sockets.push(outward);
        await Promise.all([this.#pass(wire, inward, outward), this.#pass(wire, outward, inward)]);
      }
    }
    this.#wires.delete(wire);
  }

  async #pass(wire: Wire, from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        for (const slice of this.#slices(wire, chunk)) {
          if (!(await this.#mayPass(wire))) return;
          const state = this.#stateOf(wire);
          if (state.type === 'slow') {
            if (slice.length === SLICE_BYTES) this.slowSlices += 1;
            await sleep((slice.length / state.bytesPerSecond) * 1_000);
          }
          await new Promise<void>((resolve) => to.write(slice, () => resolve()));
        }
      }
      if (await this.#mayPass(wire)) to.end();
    } catch {
      // Reset by one side: so is the other one, when it would hear of it.
      if (await this.#mayPass(wire)) reset(wire);
    }
  }

  #slices(wire: Wire, chunk: Buffer): Buffer[] {
    if (this.#stateOf(wire).type !== 'slow') return [chunk];
    const count = Math.ceil(chunk.length / SLICE_BYTES);
    return Array.from({ length: count }, (_, at) => chunk.subarray(at * SLICE_BYTES, (at + 1) * SLICE_BYTES));
  }

  /** Waits while the link is stalled. False when it is cut, or all is over. */
  async #mayPass(wire: Wire): Promise<boolean> {
    while (this.#stateOf(wire).type === 'stalled' && !this.#closed) await this.#changed.promise;
    if (this.#closed) return false;
    if (this.#stateOf(wire).type !== 'cut') return true;
    reset(wire);
    return false;
  }

  #stateOf({ pair }: Wire): LinkState {
    return this.#states.get(pair) ?? OPEN;
  }

  /** Which node's process holds the socket from `port` to the door `to`; undefined when it is gone by now. */
  #whoHas({ port, to }: { port: number; to: number }): number | undefined {
    const socket = `socket:[${inodeOf({ port, to }) ?? ''}]`;
    for (let number = 0; number < this.#count(); number += 1) {
      const pid = this.#ends(number)?.pid;
      if (pid !== undefined && holds(pid, socket)) return number;
    }
    return undefined;
  }

  #close(): void {
    this.#closed = true;
    this.#changed.resolve();
    for (const server of this.#servers) server.close();
    for (const wire of this.#wires) reset(wire);
  }
}

function pairOf(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}

/** A socket that has said its end can't be reset: libuv refuses, and the process would spin at its exit, waiting for the handle. */
function reset({ sockets }: Wire): void {
  for (const socket of sockets) {
    if (socket.writableEnded) socket.destroy();
    else socket.resetAndDestroy();
  }
}

async function dialled(port: number): Promise<Socket | undefined> {
  const socket = connect({ host: HOST, port, allowHalfOpen: true, noDelay: true });
  try {
    await once(socket, 'connect');
  } catch {
    return undefined;
  }
  socket.on('error', () => {});
  return socket;
}

/** Of the end of a connection at `port`; the kernel's table of sockets has the addresses in hexadecimal. */
function inodeOf({ port, to }: { port: number; to: number }): string | undefined {
  const at = (of: number) => `:${of.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, local = '', remote = '', , , , , , , inode] = line.trim().split(/\s+/);
    if (local.endsWith(at(port)) && remote.endsWith(at(to))) return inode;
  }
  return undefined;
}

function holds(pid: number, socket: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => linkAt(`${folder}/${fd}`) === socket);
  } catch {
    // It has just been killed.
    return false;
  }
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
