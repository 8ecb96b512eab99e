/** Hostile callers: what a listener sends them (nothing), computes for them (next to nothing) and when it closes (always alike). */
import t from 'tap';
import { primitives } from '../../keys/index.ts';
import type { SessionEffect } from '../../transport/index.ts';
import { ReplayGuard, transportLimits } from '../../transport/index.ts';
import { sealEnvelope } from '../../transport/envelope.ts';
import { encodeOpening, prologue } from '../../transport/greeting.ts';
import { SeededRandom } from '../sim/random.ts';
import { STRANGER, Side, WALL_MS, exchange, keysOf, referenceOf } from './session-pair.ts';

const FULL = process.env['MIMEO_TEST_FULL'] !== undefined;
const { unansweredMsLeast, unansweredMsMost, openingBytesLeast, openingBytesMost } = transportLimits;
const OPENING_HEAD_BYTES = 42;

function opening(random = new SeededRandom(1), wallMs = WALL_MS): Uint8Array {
  return new Side(1, { random }).dial(referenceOf(2), { wallMs }).takeWritten();
}

/** What a caller could notice before the end of its carrier. */
function isVisible({ type }: SessionEffect): boolean {
  return type === 'write' || type === 'established' || type === 'deliver' || type === 'close';
}

/** Counts what is computed meanwhile. */
function counted(call: () => void): Record<string, number> {
  const counts: Record<string, number> = {
    hkdf: 0,
    keyed: 0,
    opened: 0,
    openedBytes: 0,
    agreed: 0,
    verified: 0,
  };
  const count = (name: string, by = 1) => (counts[name] = (counts[name] ?? 0) + by);
  const original = { ...primitives };
  Object.assign(primitives, {
    hkdfSha256: (input: Parameters<typeof original.hkdfSha256>[0]) => {
      count('hkdf');
      return original.hkdfSha256(input);
    },
    chachaPoly: (key: Uint8Array) => {
      count('keyed');
      const aead = original.chachaPoly(key);
      return {
        ...aead,
        open: (input: Parameters<typeof aead.open>[0]) => {
          count('opened');
          count('openedBytes', input.data.length);
          return aead.open(input);
        },
      };
    },
    x25519: (input: Parameters<typeof original.x25519>[0]) => {
      count('agreed');
      return original.x25519(input);
    },
    x25519PublicKey: (secret: Uint8Array) => {
      count('agreed');
      return original.x25519PublicKey(secret);
    },
    ed25519Verify: (input: Parameters<typeof original.ed25519Verify>[0]) => {
      count('verified');
      return original.ed25519Verify(input);
    },
  } satisfies Partial<typeof primitives>);
  try {
    call();
  } finally {
    Object.assign(primitives, original);
  }
  return counts;
}

void t.test(
  'random, truncated, replayed and changed openings get not one byte, and establish nothing',
  async (t) => {
    const random = new SeededRandom(20_260_102);
    const replay = new ReplayGuard();
    const good = opening();
    const first = new Side(2, { replay }).listen();
    first.receive(good);
    t.ok(first.admit && first.takeWritten().length > 0, 'the opening itself is answered');
    const reached = new Map<string, number>();
    for (let run = 0; run < (FULL ? 100_000 : 5_000); run++) {
      const side = new Side(2, { replay, random: new SeededRandom(run) }).listen();
      const kinds = [
        () => random.bytes(random.below(6_000)),
        () => good.subarray(0, random.below(good.length)),
        () => good,
        () => {
          const at = random.below(good.length);
          return good.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte));
        },
        () => Buffer.concat([good, random.bytes(1 + random.below(50))]),
      ] as const;
      const bytes = (kinds[run % kinds.length] ?? kinds[0])();
      const step = 1 + random.below(3_000);
      for (let at = 0; at < bytes.length; at += step) side.receive(bytes.slice(at, at + step));
      if (side.effects.some(isVisible) || side.admit) t.fail(`run ${run} was noticed`);
      side.handle(unansweredMsMost.value, { type: 'timer' });
      reached.set(side.closeReason ?? 'open', (reached.get(side.closeReason ?? 'open') ?? 0) + 1);
    }
    for (const reason of ['no_opening', 'bad_opening', 'replayed']) {
      t.ok((reached.get(reason) ?? 0) > 100, `${reason}: ${reached.get(reason)}`);
    }
    t.same([...reached.keys()].sort(), ['bad_opening', 'no_opening', 'replayed']);
  },
);

void t.test(
  'whoever has no reference costs one HKDF and one opening of 18 bytes, however much it sends',
  async (t) => {
    const random = new SeededRandom(7);
    const nothing = { hkdf: 0, keyed: 0, opened: 0, openedBytes: 0, agreed: 0, verified: 0 };
    const side = new Side(2).listen();
    t.same(
      counted(() => side.receive(random.bytes(OPENING_HEAD_BYTES - 1))),
      nothing,
      'nothing before its head is there',
    );
    t.same(
      counted(() => side.receive(random.bytes(1))),
      { ...nothing, hkdf: 1, keyed: 1, opened: 1, openedBytes: 18 },
    );
    t.same(
      counted(() => {
        for (let i = 0; i < 100; i++) side.receive(random.bytes(10_000));
      }),
      nothing,
      'and nothing after it',
    );
    const prefixed = new Side(2, { prefix: Buffer.from('GET /') }).listen();
    t.same(
      counted(() => prefixed.receive(random.bytes(10_000))),
      nothing,
      'a wrong prefix costs a comparison',
    );
  },
);

void t.test(
  'whoever knows the reference and has no keys costs no signature, and is asked about by nobody',
  async (t) => {
    const random = new SeededRandom(8);
    const forge = (content: Uint8Array) =>
      sealEnvelope(
        { type: 'opening', probeKey: keysOf(2).probeKey },
        { nonce: random.bytes(24), content, random },
      );
    const time = WALL_MS;
    const cases = [
      forge(random.bytes(500)),
      forge(encodeOpening({ timestampMs: time, noise: random.bytes(0) })),
      forge(encodeOpening({ timestampMs: time, noise: random.bytes(95) })),
      forge(encodeOpening({ timestampMs: time, noise: random.bytes(400) })),
      forge(
        Uint8Array.of(
          ...encodeOpening({ timestampMs: time, noise: random.bytes(0) }).subarray(0, 8),
          255,
          255,
        ),
      ),
    ];
    for (const bytes of cases) {
      const side = new Side(2).listen();
      const { agreed = 0, verified } = counted(() => side.receive(bytes));
      t.ok(agreed <= 1 && verified === 0, `${agreed} agreements`);
      t.notOk(side.effects.some(isVisible) || side.admit);
    }
  },
);

void t.test(
  'an old Noise message in a new envelope, by somebody who knows the reference, is refused',
  async (t) => {
    const random = new SeededRandom(9);
    // Opened as the listener does it, sealed again with a new nonce and a later time.
    const old = opening();
    const { probeKey } = keysOf(2);
    const nonce = old.slice(0, 24);
    const key = primitives.hkdfSha256({
      ikm: probeKey,
      salt: nonce,
      info: Buffer.from('mimeo/link/opening'),
      length: 32,
    });
    const body = primitives
      .chachaPoly(key)
      .open({
        nonce: Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
        ad: new Uint8Array(0),
        data: old.subarray(OPENING_HEAD_BYTES),
      });
    t.ok(body, 'the test opens the envelope');
    const [high = 0, low = 0] = body?.subarray(8, 10) ?? [];
    const noise = body?.slice(10, 10 + high * 256 + low) ?? new Uint8Array(0);
    const again = (timestampMs: number) =>
      sealEnvelope(
        { type: 'opening', probeKey },
        { nonce: random.bytes(24), content: encodeOpening({ timestampMs, noise }), random },
      );
    for (const timestampMs of [WALL_MS, WALL_MS + 1]) {
      const side = new Side(2).listen();
      side.receive(again(timestampMs));
      t.notOk(side.admit);
      side.handle(unansweredMsMost.value, { type: 'timer' });
      t.equal(side.closeReason, 'bad_handshake');
    }
    t.notSame(
      prologue({ network: new Uint8Array(32), nonce, timestampMs: 1 }),
      prologue({ network: new Uint8Array(32), nonce, timestampMs: 2 }),
    );
  },
);

void t.test(
  'a caller without the psk, or with a recorded opening, is never established, and is left as the others are',
  async (t) => {
    const side = new Side(2, {
      verdict: { type: 'accepted', secret: { type: 'pair', pairSecret: new Uint8Array(32) } },
    }).listen();
    side.receive(opening());
    t.ok(side.takeWritten().length > 0, 'it was let in');
    const before = side.effects.length;
    side.receive(new SeededRandom(5).bytes(5_000));
    side.receive(new SeededRandom(6).bytes(5_000));
    t.equal(side.effects.length, before, 'no byte, no close');
    side.handle(unansweredMsMost.value, { type: 'timer' });
    t.equal(side.closeReason, 'unconfirmed');
  },
);

void t.test(
  'all callers in vain are closed at a time drawn when the carrier opened, whatever they did',
  async (t) => {
    const good = opening();
    const acts: [what: string, act: (side: Side) => void][] = [
      ['nothing', () => {}],
      ['random bytes', (side) => side.receive(new SeededRandom(3).bytes(4_000), 2_000)],
      [
        'a wrong bit',
        (side) =>
          side.receive(
            good.map((byte, at) => (at === 900 ? byte ^ 1 : byte)),
            2_000,
          ),
      ],
      ['half an opening', (side) => side.receive(good.subarray(0, 1_000), 2_000)],
      ['an old opening', (side) => side.receive(opening(new SeededRandom(2), WALL_MS - 3_600_000), 2_000)],
      ['a refused one', (side) => side.receive(good, 2_000)],
    ];
    const times = new Set<number>();
    for (let seed = 0; seed < 300; seed++) {
      const random = () => new SeededRandom(seed);
      const closeAt = new Side(2, { random: random() }).listen({ now: 500 }).timerAt ?? 0;
      times.add(closeAt);
      for (const [what, act] of seed < 10 ? acts : []) {
        const side = new Side(2, { random: random(), verdict: { type: 'refused' } }).listen({ now: 500 });
        act(side);
        t.equal(side.timerAt, closeAt, what);
        side.handle(closeAt - 1, { type: 'timer' });
        t.notOk(side.effects.some(isVisible), what);
        side.handle(closeAt, { type: 'timer' });
        t.ok(side.closeReason, what);
      }
    }
    const waits = [...times].map((at) => at - 500);
    t.ok(Math.min(...waits) >= unansweredMsLeast.value && Math.max(...waits) <= unansweredMsMost.value);
    t.ok(Math.max(...waits) - Math.min(...waits) > 45_000 && times.size > 290, 'they spread');
  },
);

void t.test('the length of an opening does not depend on the reference in it', async (t) => {
  const name = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61);
  const long = Array.from({ length: 8 }, () => `${name}:65535`);
  const lengths = ([] as string[][]).concat([[]], [long]).map((addresses) => {
    const random = new SeededRandom(12);
    return Array.from({ length: 200 }, () => {
      const side = new Side(1, { addresses, random }).dial(referenceOf(2), { secret: STRANGER });
      return side.takeWritten().length;
    });
  });
  t.same(lengths[0], lengths[1], 'equal draws, equal lengths');
  const all = lengths.flat();
  t.ok(Math.min(...all) >= openingBytesLeast.value && Math.max(...all) <= openingBytesMost.value);
  t.ok(Math.max(...all) - Math.min(...all) > 1_100, 'over the whole range');
  const longest = new Side(1, { addresses: long, prefix: new Uint8Array(64) });
  const right = new Side(2).listen();
  exchange(longest.dial(right.self, { secret: { type: 'invite', inviteSecret: new Uint8Array(32) } }), right);
  t.same(right.admit?.reference, longest.self, 'the longest reference arrives');
});

void t.test(
  'the owner is asked about an opening once, even if it refused it and knows no timestamp of its maker',
  async (t) => {
    const replay = new ReplayGuard();
    const asked = [0, 1].map((seed) => {
      const random = new SeededRandom(seed);
      const side = new Side(2, { replay, random, verdict: { type: 'refused' } }).listen();
      const bytes = opening();
      const { agreed } = counted(() => side.receive(bytes));
      side.handle(unansweredMsMost.value, { type: 'timer' });
      return [side.admit !== undefined, side.closeReason, agreed];
    });
    t.same(asked, [
      [true, 'refused', 2],
      [false, 'replayed', 0],
    ]);
  },
);

void t.test(
  'whoever knows the reference and announces an opening of another size is not waited for',
  async (t) => {
    const nonce = new Uint8Array(24).fill(3);
    const { probeKey } = keysOf(2);
    const info = Buffer.from('mimeo/link/opening');
    const key = primitives.hkdfSha256({ ikm: probeKey, salt: nonce, info, length: 32 });
    const head = (size: number) => {
      const data = Uint8Array.of((size - OPENING_HEAD_BYTES) >>> 8, (size - OPENING_HEAD_BYTES) & 0xff);
      const sealed = primitives
        .chachaPoly(key)
        .seal({ nonce: new Uint8Array(12), ad: new Uint8Array(0), data });
      return new Uint8Array(Buffer.concat([nonce, sealed]));
    };
    const reasonFor = (size: number) => {
      const side = new Side(2).listen();
      side.receive(head(size));
      side.handle(unansweredMsMost.value, { type: 'timer' });
      return side.closeReason;
    };
    const [least, most] = [openingBytesLeast.value, openingBytesMost.value];
    for (const size of [60, least - 1, most + 1, 65_000])
      t.equal(reasonFor(size), 'bad_opening', `${size} bytes`);
    for (const size of [least, most]) t.equal(reasonFor(size), 'no_opening', `${size} bytes are waited for`);
  },
);
