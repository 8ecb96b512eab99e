/** What every carrier must do (transport/carrier.ts), as tests to run against any pair of joined ones. */
import { createHash } from 'node:crypto';
import type { Test } from 'tap';
import type { Carrier, CarrierListener } from '../../transport/index.ts';

/** The carriers of both ends, ready to write. */
export type MakePair = (
  t: Test,
  listeners: readonly [CarrierListener, CarrierListener],
) => Promise<readonly [Carrier, Carrier]>;

/** A listener that keeps what it hears, and fails on what no carrier may do. */
class Recorder implements CarrierListener {
  readonly chunks: Uint8Array[] = [];
  readonly faults: string[] = [];
  readonly closedWith = Promise.withResolvers<string>();
  receivedBytes = 0;
  drains = 0;
  /** True while the test is inside a call of the carrier. */
  inside = false;
  #closed = false;
  #waiting: { ready: () => boolean; resolve: () => void }[] = [];

  received(bytes: Uint8Array): void {
    this.#heard('received');
    if (bytes.length === 0) this.faults.push('an empty chunk');
    this.chunks.push(Uint8Array.from(bytes));
    this.receivedBytes += bytes.length;
    this.#wake();
  }

  drained(): void {
    this.#heard('drained');
    this.drains++;
    this.#wake();
  }

  closed(reason: string): void {
    this.#heard('closed');
    this.#closed = true;
    this.closedWith.resolve(reason);
  }

  until(ready: () => boolean): Promise<void> {
    if (ready()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ ready, resolve }));
  }

  digest(): string {
    const hash = createHash('sha256');
    for (const chunk of this.chunks) hash.update(chunk);
    return hash.digest('hex');
  }

  #heard(what: string): void {
    if (this.inside) this.faults.push(`${what} from inside a call`);
    if (this.#closed) this.faults.push(`${what} after closed`);
  }

  #wake(): void {
    for (const { ready, resolve } of this.#waiting) if (ready()) resolve();
    this.#waiting = this.#waiting.filter(({ ready }) => !ready());
  }
}

/** `carrier` such that its listener notices being called from inside. */
function watched(carrier: Carrier, listener: Recorder): Carrier {
  const inside = (call: () => void) => {
    listener.inside = true;
    call();
    listener.inside = false;
  };
  return {
    write: (bytes) => inside(() => carrier.write(bytes)),
    close: () => inside(() => carrier.close()),
    destroy: () => inside(() => carrier.destroy()),
    get backlogBytes() {
      return carrier.backlogBytes;
    },
  };
}

/** Bytes in which no two places look alike. */
function pattern(length: number, start: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = start | 1;
  for (let at = 0; at < length; at++) {
    state = Math.imul(state, 0x2c9277b5) + 0xac564b05;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export function carrierCompliance(t: Test, makePair: MakePair): void {
  const join = async (t: Test) => {
    const [a, b] = [new Recorder(), new Recorder()];
    const [left, right] = await makePair(t, [a, b]);
    return { a, b, left: watched(left, a), right: watched(right, b) };
  };
  const faultless = (t: Test, ...recorders: Recorder[]) => {
    for (const recorder of recorders) t.same(recorder.faults, []);
  };

  void t.test(
    'bytes arrive once and in order, both ways at once, whatever the sizes of the writes',
    async (t) => {
      const { a, b, left, right } = await join(t);
      const sizes = [1, 1, 2, 3, 1_000, 65_536, 1, 1_048_576, 32_928, 7];
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const expected = [createHash('sha256'), createHash('sha256')] as const;
      for (const [index, size] of sizes.entries()) {
        const [toRight, toLeft] = [pattern(size, index), pattern(size, index + 100)];
        expected[0].update(toRight);
        expected[1].update(toLeft);
        left.write(toRight);
        right.write(toLeft);
      }
      await Promise.all([b.until(() => b.receivedBytes >= total), a.until(() => a.receivedBytes >= total)]);
      t.equal(b.receivedBytes, total);
      t.equal(b.digest(), expected[0].digest('hex'));
      t.equal(a.digest(), expected[1].digest('hex'));
      left.destroy();
      await Promise.all([a.closedWith.promise, b.closedWith.promise]);
      faultless(t, a, b);
    },
  );

  void t.test('write reports its backlog, and drained comes when that is zero again', async (t) => {
    const { a, b, left } = await join(t);
    t.equal(left.backlogBytes, 0);
    let written = 0;
    // What the operating system takes at once is no backlog; 64 MiB are more than it takes.
    while (left.backlogBytes === 0 && written < 64 * 1_048_576) {
      left.write(new Uint8Array(1_048_576));
      written += 1_048_576;
    }
    t.ok(left.backlogBytes > 0);
    await a.until(() => a.drains > 0);
    t.equal(left.backlogBytes, 0);
    await b.until(() => b.receivedBytes === written);
    t.equal(a.drains, 1);
    left.destroy();
    await Promise.all([a.closedWith.promise, b.closedWith.promise]);
    faultless(t, a, b);
  });

  void t.test('close sends what is queued, then both sides hear closed once', async (t) => {
    const { a, b, left, right } = await join(t);
    const bytes = pattern(3_000_000, 5);
    const digest = createHash('sha256').update(bytes).digest('hex');
    left.write(bytes);
    left.close();
    left.write(pattern(10, 6));
    left.close();
    t.type(await b.closedWith.promise, 'string');
    t.type(await a.closedWith.promise, 'string');
    t.equal(b.receivedBytes, 3_000_000, 'and nothing of what was written after close');
    t.equal(b.digest(), digest);
    left.close();
    right.close();
    faultless(t, a, b);
  });

  void t.test('a side that closes hears nothing more but closed, whatever the other one sends', async (t) => {
    const { a, b, left, right } = await join(t);
    right.write(pattern(100_000, 1));
    left.write(pattern(100_000, 2));
    left.close();
    right.write(pattern(100_000, 3));
    await Promise.all([a.closedWith.promise, b.closedWith.promise]);
    t.equal(a.receivedBytes, 0);
    t.equal(b.receivedBytes, 100_000);
    t.equal(a.drains, 0);
    faultless(t, a, b);
  });

  void t.test('destroy closes both sides, and calls after that do nothing', async (t) => {
    const { a, b, left, right } = await join(t);
    left.write(pattern(100_000, 1));
    left.destroy();
    left.destroy();
    left.close();
    left.write(pattern(10, 1));
    await Promise.all([a.closedWith.promise, b.closedWith.promise]);
    for (const carrier of [left, right]) {
      carrier.write(pattern(10, 1));
      carrier.close();
      carrier.destroy();
      t.equal(carrier.backlogBytes, 0);
    }
    await new Promise((resolve) => setImmediate(resolve));
    t.equal(a.receivedBytes, 0);
    faultless(t, a, b);
  });

  void t.test('both sides may close at the same time', async (t) => {
    const { a, b, left, right } = await join(t);
    left.close();
    right.close();
    await Promise.all([a.closedWith.promise, b.closedWith.promise]);
    faultless(t, a, b);
  });

  void t.test('both sides may be destroyed at the same time', async (t) => {
    const { a, b, left, right } = await join(t);
    left.write(pattern(1_000, 1));
    right.write(pattern(1_000, 1));
    left.destroy();
    right.destroy();
    await Promise.all([a.closedWith.promise, b.closedWith.promise]);
    faultless(t, a, b);
  });
}
