/** Nodes that nobody has named: who is let in, as what, how their references are read, and what outlasts a restart. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { toText } from '../../../keys/index.ts';
import { networkId, networks } from '../../../routing/index.ts';
import { type NodeReference, decodeInvite, decodeReference } from '../../../transport/index.ts';
import type { CallOutcome } from '../../../daemon/node/links.ts';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { type KnownPeer, PeerBook } from '../../../daemon/node/peer-book.ts';
import type { Reach } from '../../../daemon/node/place.ts';
import { isPaid } from '../../../daemon/node/proof.ts';
import { StrangerBook } from '../../../daemon/node/stranger-book.ts';
import { Strangers } from '../../../daemon/node/strangers.ts';
import { TESTNET, TestNode, until } from './cluster.ts';
import { noise, scratch } from './content.ts';
import { RawPeer, identityOf, referenceOf } from './raw-peer.ts';

const random = { bytes: (count: number) => randomBytes(count) };

async function tiesOf(node: TestNode): Promise<string[]> {
  const { peers } = await node.call('peer.list', {});
  return peers.filter(({ state }) => state === 'connected').map(({ tie }) => tie);
}

void t.test('whoever has the reference is let in as a stranger, unless the owner wants none', async (t) => {
  const open = await TestNode.start(t, { strangers: 'accept' });
  const closed = await TestNode.start(t, { strangers: 'none' });
  const friends = await TestNode.start(t, { strangers: 'seek', network: 'friends-small' });
  const identity = identityOf('stranger');
  const peer = await RawPeer.linked(t, open, { identity });
  await until(async () => (await tiesOf(open)).length === 1);
  t.same(await tiesOf(open), ['stranger']);
  t.match((await open.call('peer.list', {})).peers, [
    { identity: toText(identity.publicKey), friend: false, direction: 'in' },
  ]);
  const [refused, elsewhere] = [
    await RawPeer.dial(t, closed, { identity }),
    await RawPeer.dial(t, friends, { identity, network: networkId(networks['friends-small']) }),
  ];
  peer.close();
  await until(async () => (await tiesOf(open)).length === 0);
  t.same((await open.call('peer.list', {})).peers, [], 'it is in no book');
  for (const { isEstablished, receivedBytes } of [refused, elsewhere])
    t.same([isEstablished, receivedBytes], [false, 0]);
});

void t.test('strangers beyond the room are as good as nobody: not one byte', async (t) => {
  const node = await TestNode.start(t, { strangers: 'accept' });
  const known = identityOf('known');
  await node.addPeer(referenceOf(known));
  const count = nodeLimits.strangerLinks.value;
  for (let number = 0; number < count; number += 1)
    await RawPeer.linked(t, node, { identity: identityOf(`stranger ${number}`), wants: 'nobody' });
  const late = await RawPeer.dial(t, node, { identity: identityOf('late') });
  await RawPeer.linked(t, node, { identity: known });
  t.same([late.isEstablished, late.receivedBytes], [false, 0], 'while who is named comes in');
});

void t.test('who has shared a secret is not let in as a stranger without it', async (t) => {
  const node = await TestNode.start(t, { strangers: 'accept' });
  const { invite } = await node.call('peer.invite', {});
  const { secret: inviteSecret } = decodeInvite(invite);
  const identity = identityOf('lost its disk');
  const friend = await RawPeer.linked(t, node, { identity, secret: { type: 'invite', inviteSecret } });
  // Its last word of the handshake is on its way.
  await until(async () => (await tiesOf(node)).length > 0);
  t.same(await tiesOf(node), ['friend']);
  friend.close();
  await until(async () => (await tiesOf(node)).length === 0);
  const bare = await RawPeer.dial(t, node, { identity });
  await until(() => bare.isClosed);
  t.notOk(bare.isEstablished);

  const secret = { type: 'invite', inviteSecret: new Uint8Array(32) } as const;
  const bad = await RawPeer.dial(t, node, { identity: identityOf('bad invite'), secret });
  await RawPeer.linked(t, node, { identity: identityOf('stranger') });
  t.same([bad.isEstablished, bad.receivedBytes], [false, 0], 'nor who comes with an invite that is none');
});

void t.test('a stranger that becomes a friend is linked as one at both ends', async (t) => {
  const inviter = await TestNode.start(t, { strangers: 'accept' });
  const joiner = await TestNode.start(t, { strangers: 'seek', seeds: [await inviter.reference()] });
  await until(async () => (await tiesOf(joiner)).length === 1 && (await tiesOf(inviter)).length === 1);
  t.same([await tiesOf(inviter), await tiesOf(joiner)], [['stranger'], ['stranger']]);
  const { invite } = await inviter.call('peer.invite', {});
  await joiner.call('peer.join', { invite });
  await until(async () =>
    [await tiesOf(inviter), await tiesOf(joiner)].every(
      ([tie, more]) => tie === 'friend' && more === undefined,
    ),
  );
  t.match(await joiner.put(Buffer.from('over the new link')), { state: 'finished' });
});

interface World {
  readonly strangers: Strangers;
  readonly kept: StrangerBook;
  readonly book: PeerBook;
  readonly called: KnownPeer[];
}

/** Strangers of a node that listens at `own` and whose calls end like this. */
function strangersOf(
  t: Test,
  {
    reach = { through: 'nothing', near: ['192.0.2.1'] },
    outcome = { outcome: 'linked' },
    seeds = [],
    directory = scratch(t),
  }: { reach?: Reach; outcome?: CallOutcome; seeds?: string[]; directory?: string } = {},
): World {
  const sealed = (name: string) => ({ path: join(directory, name), key: noise(32, name), random });
  const own: NodeReference = decodeReference(referenceOf(identityOf('self'), { addresses: ['192.0.2.1:1'] }));
  const book = new PeerBook({ ...sealed('peers'), network: TESTNET, configured: [] });
  const kept = new StrangerBook(sealed('strangers'));
  const called: KnownPeer[] = [];
  const strangers = new Strangers({
    network: TESTNET,
    book,
    kept,
    seeds: seeds.map((line) => book.read(line)),
    random,
    log: pino({ level: 'silent' }),
    own: () => own,
    hosts: () => ['192.0.2.1'],
    reach: () => reach,
    call: async (peer) => {
      called.push(peer);
      return outcome;
    },
  });
  t.teardown(() => strangers.close());
  return { strangers, kept, book, called };
}

function bytesOf(name: string, addresses: string[] = [], network = TESTNET): Uint8Array {
  const line = referenceOf(identityOf(name), { addresses, network });
  return Buffer.from(line.slice('mimeo-node:'.length), 'base64url');
}

void t.test('a reference from the network says who and where, or nothing at all', (t) => {
  const { strangers } = strangersOf(t);
  const good = bytesOf('good', ['10.0.0.1:1', '198.51.100.7:2']);
  const identity = toText(identityOf('good').publicKey);
  const place = { group: '198.51', site: '198.51.100' };
  t.match(strangers.readReference(good), { identity, ...place, dialable: true, reference: good });
  for (const [why, addresses] of [
    ['none', []],
    ['of this machine', ['127.0.0.1:1', '[::1]:2', 'localhost:3']],
    ['of another private network', ['10.0.0.1:1']],
    ['that need a proxy', ['abc.onion:1']],
  ] as const) {
    const read = strangers.readReference(bytesOf(why, [...addresses]));
    const itself = toText(identityOf(why).publicKey);
    t.match(read, { dialable: false, group: itself, site: itself }, `addresses: ${why}`);
  }
  const cut = good.slice(0, -1);
  const changed = Uint8Array.from(good, (byte, at) => (at === 40 ? byte ^ 1 : byte));
  const foreign = bytesOf('good', [], networkId(networks.open));
  for (const bytes of [new Uint8Array(0), noise(400), noise(5_000), cut, changed, foreign])
    t.equal(strangers.readReference(bytes), undefined);
  t.end();
});

void t.test('a flood of equal references costs one signature', (t) => {
  const { strangers } = strangersOf(t);
  const good = bytesOf('good', ['198.51.100.7:2']);
  const bad = Uint8Array.from(good, (byte, at) => (at === 40 ? byte ^ 1 : byte));
  const first = strangers.readReference(good);
  t.ok(first !== undefined);
  for (let time = 0; time < 1_000; time += 1) {
    if (strangers.readReference(Uint8Array.from(good)) !== first) t.fail('it was read again');
    if (strangers.readReference(bad) !== undefined) t.fail('it is bad');
  }
  t.end();
});

void t.test('who is in the book is called as the book has it, and this node never', async (t) => {
  const { strangers, book, called } = strangersOf(t);
  const newer = referenceOf(identityOf('chosen'), { addresses: ['198.51.100.9:9'] });
  book.add(newer);
  const candidate = strangers.readReference(bytesOf('chosen', ['198.51.100.7:2']));
  const self = strangers.readReference(bytesOf('self', ['192.0.2.1:1']));
  if (candidate === undefined || self === undefined) throw new Error('they can be read');
  t.equal(await strangers.dial(candidate), 'linked');
  t.equal(await strangers.dial(self), 'failed');
  t.match(called, [{ reference: { line: newer } }]);
  t.equal(called.length, 1);
});

void t.test('the book says what a node is to the owner', async (t) => {
  const { book } = strangersOf(t);
  const identity = toText(identityOf('somebody').publicKey);
  const reference = decodeReference(referenceOf(identityOf('somebody')));
  t.equal(book.relationTo(identity), 'stranger');
  book.add(reference.line);
  t.equal(book.relationTo(identity), 'named');
  book.addInviter(reference, noise(32));
  t.equal(book.relationTo(identity), 'invited');
  book.befriend(reference, noise(32));
  t.equal(book.relationTo(identity), 'friend');
});

void t.test('calls that fail are counted with the last reason, until one does not', async (t) => {
  const failing = strangersOf(t, { outcome: { outcome: 'failed', reason: '198.51.100.7:2: ECONNREFUSED' } });
  const candidate = failing.strangers.readReference(bytesOf('off', ['198.51.100.7:2']));
  if (candidate === undefined) throw new Error('it can be read');
  t.equal(await failing.strangers.dial(candidate), 'failed');
  t.equal(await failing.strangers.dial(candidate), 'failed');
  t.match(failing.strangers.attempts, {
    calling: 0,
    failed: 2,
    last: { why: { address: '198.51.100.7:2', words: /^connection refused/ } },
  });
});

void t.test('seeds and remembered peers are given to the router, without those that are none', async (t) => {
  const directory = scratch(t);
  const seeds = [referenceOf(identityOf('seed'), { addresses: ['198.51.100.7:2'] })];
  const before = strangersOf(t, { directory, seeds });
  await before.kept.remember([bytesOf('old', ['198.51.100.8:2']), noise(100), bytesOf('older')]);
  const { strangers, book } = strangersOf(t, { directory, seeds });
  const names = (event: ReturnType<Strangers['seeds']>) => event.candidates.map(({ identity }) => identity);
  const idOf = (name: string) => toText(identityOf(name).publicKey);
  t.same(names(strangers.remembered()), [idOf('old'), idOf('older')]);
  t.same(names(strangers.seeds()), [idOf('seed')]);
  book.add(referenceOf(identityOf('named later')));
  t.same(names(strangers.seeds()), [idOf('seed'), idOf('named later')]);
  const foreign = referenceOf(identityOf('seed'), { network: networkId(networks.open) });
  for (const seed of [foreign, 'nonsense'])
    await t.rejects(TestNode.start(t, { strangers: 'seek', seeds: [seed] }), { code: 'bad_reference' });
});

void t.test('the own reference is paid for once, also over a restart', async (t) => {
  const directory = scratch(t);
  const { strangers } = strangersOf(t, { directory });
  const { reference, proof: unpaid } = strangers.own();
  t.notOk(isPaid(reference, unpaid));
  await strangers.pay();
  const { proof } = strangers.own();
  t.ok(isPaid(reference, proof));
  await until(() => isKept(directory, reference));
  const later = strangersOf(t, { directory });
  await later.strangers.pay();
  t.same(later.strangers.own().proof, proof);
});

function isKept(directory: string, reference: Uint8Array): boolean {
  const book = new StrangerBook({ path: join(directory, 'strangers'), key: noise(32, 'strangers'), random });
  return book.proofFor(reference) !== undefined;
}
