/** The replay guard: greatest timestamps that survive a restart, and nonces within bounds. */
import * as fc from 'fast-check';
import t from 'tap';
import { encodeCbor } from '../../keys/index.ts';
import { ReplayGuard, transportLimits } from '../../transport/index.ts';
import { SeededRandom } from '../sim/random.ts';
import { runs } from '../keys/samples.ts';

const { noncesKept, noncesKeptMs, callersKept } = transportLimits;
const key = (number: number) => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
};
const nonce = (number: number) => key(number).slice(0, 24);

void t.test('of each key only a greater timestamp is accepted, over any number of restarts', async (t) => {
  const step = fc.record({ caller: fc.nat(3), timestampMs: fc.nat(20), restarts: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let guard = new ReplayGuard();
      const greatest = new Map<number, number>();
      return steps.every(({ caller, timestampMs, restarts }) => {
        if (restarts) guard = ReplayGuard.restore(guard.save());
        const call = { agreementKey: key(caller), timestampMs };
        const expected = timestampMs > (greatest.get(caller) ?? -1);
        if (expected) greatest.set(caller, timestampMs);
        const isFresh = guard.isFresh(call);
        return isFresh === expected && guard.accept(call) === expected && guard.hasAccepted(call);
      });
    }),
    runs(2_000),
  );
  t.pass('for all orders');
});

void t.test('a nonce is new once within the time that it is kept', async (t) => {
  const guard = new ReplayGuard();
  t.ok(guard.enter({ nonce: nonce(1), now: 0 }));
  t.notOk(guard.enter({ nonce: nonce(1), now: noncesKeptMs.value - 1 }));
  t.ok(guard.enter({ nonce: nonce(2), now: noncesKeptMs.value }));
  t.ok(guard.enter({ nonce: nonce(1), now: noncesKeptMs.value }), 'its opening is too old by then');
});

void t.test('when all its room is taken the oldest nonce is forgotten, and no other', async (t) => {
  const guard = new ReplayGuard();
  for (let i = 0; i <= noncesKept.value; i++) guard.enter({ nonce: nonce(i), now: 0 });
  t.notOk(guard.enter({ nonce: nonce(noncesKept.value), now: 0 }));
  t.notOk(guard.enter({ nonce: nonce(2), now: 0 }));
  t.ok(guard.enter({ nonce: nonce(0), now: 0 }));
});

void t.test('when all its room is taken the caller that has been silent longest is forgotten', async (t) => {
  const guard = new ReplayGuard();
  for (let i = 0; i < callersKept.value; i++) guard.accept({ agreementKey: key(i), timestampMs: 5 });
  guard.accept({ agreementKey: key(0), timestampMs: 6 });
  guard.accept({ agreementKey: key(callersKept.value), timestampMs: 5 });
  const restored = ReplayGuard.restore(guard.save());
  t.notOk(restored.isFresh({ agreementKey: key(0), timestampMs: 6 }));
  t.ok(restored.isFresh({ agreementKey: key(1), timestampMs: 5 }));
  t.notOk(restored.isFresh({ agreementKey: key(2), timestampMs: 5 }));
});

void t.test('what is no saved state is refused, whatever it is', async (t) => {
  const guard = new ReplayGuard();
  guard.accept({ agreementKey: key(1), timestampMs: 1 });
  const saved = guard.save();
  for (let length = 0; length < saved.length; length++) {
    t.throws(() => ReplayGuard.restore(saved.subarray(0, length)), { code: 'bad_cbor' });
  }
  const others = [
    { v: 2, seen: new Uint8Array(0) },
    { v: 1, seen: new Uint8Array(39) },
    { v: 1, seen: new Uint8Array(40).fill(255) },
    { v: 1 },
  ];
  for (const other of others) {
    t.throws(() => ReplayGuard.restore(encodeCbor(other)), { code: 'bad_cbor' });
  }
  const random = new SeededRandom(3);
  for (let i = 0; i < 500; i++) {
    t.throws(() => ReplayGuard.restore(random.bytes(random.below(60))), { code: 'bad_cbor' });
  }
});
