/** Invites: one paste on one side makes friends on both, once, and for as long as the invite is good. */
import t, { type Test } from 'tap';
import { encodeInvite, decodeInvite } from '../../../transport/index.ts';
import { networkId, networks } from '../../../routing/index.ts';
import { nodeLimits } from '../../../daemon/node/limits.ts';
import { TestNode, until } from './cluster.ts';
import { RawPeer, identityOf, referenceOf } from './raw-peer.ts';

/** Who this node is connected with, and as what. */
async function linked(node: TestNode): Promise<{ identity: string; friend: boolean }[]> {
  const { peers } = await node.call('peer.list', {});
  return peers
    .filter(({ state }) => state === 'connected')
    .map(({ identity, friend }) => ({ identity, friend }));
}

async function befriended(t: Test): Promise<[TestNode, TestNode]> {
  const [inviter, joiner] = [await TestNode.start(t), await TestNode.start(t)];
  const { invite } = await inviter.call('peer.invite', {});
  t.match(await joiner.call('peer.join', { invite }), { identity: await inviter.identity(), friend: true });
  await until(async () => (await linked(inviter)).length === 1 && (await linked(joiner)).length === 1);
  return [inviter, joiner];
}

void t.test(
  'one paste makes friends on both sides, and they stay friends when both have been restarted',
  async (t) => {
    const [inviter, joiner] = await befriended(t);
    for (const turn of ['first', 'after the inviter came back', 'after the joiner came back']) {
      t.same(await linked(inviter), [{ identity: await joiner.identity(), friend: true }], turn);
      t.same(await linked(joiner), [{ identity: await inviter.identity(), friend: true }], turn);
      const node = turn === 'first' ? inviter : joiner;
      await node.stop();
      await node.startAgain();
      await until(async () => (await linked(inviter)).length === 1 && (await linked(joiner)).length === 1);
    }
  },
);

void t.test('an invite is good for one friend: the second one who pastes it gets not one byte', async (t) => {
  const [inviter, friend] = [await TestNode.start(t), await TestNode.start(t)];
  const { invite } = await inviter.call('peer.invite', {});
  await friend.call('peer.join', { invite });
  await until(async () => (await linked(inviter)).length === 1);
  const { secret: inviteSecret } = decodeInvite(invite);
  const secret = { type: 'invite', inviteSecret } as const;
  const second = await RawPeer.dial(t, inviter, { identity: identityOf('second'), secret });
  await RawPeer.linked(t, inviter, { identity: await known(inviter, 'known') });
  await until(async () => (await linked(inviter)).length === 2);
  t.same([second.receivedBytes, second.isEstablished], [0, false]);
});

void t.test(
  'who has used an invite can come with it again: their first link may have broken half-way',
  async (t) => {
    const inviter = await TestNode.start(t);
    const { invite } = await inviter.call('peer.invite', {});
    const { secret: inviteSecret } = decodeInvite(invite);
    const secret = { type: 'invite', inviteSecret } as const;
    const identity = identityOf('comes twice');
    for (const turn of [1, 2]) {
      const peer = await RawPeer.linked(t, inviter, { identity, secret });
      await until(async () => (await linked(inviter)).length === 1);
      t.match(await linked(inviter), [{ friend: true }], `${turn}`);
      peer.close();
      await until(async () => (await linked(inviter)).length === 0);
    }
  },
);

void t.test(
  'a friend without the secret of the pair is no friend: the handshake ends with the reply',
  async (t) => {
    const inviter = await TestNode.start(t);
    const { invite } = await inviter.call('peer.invite', {});
    const { secret: inviteSecret } = decodeInvite(invite);
    const identity = identityOf('lost its disk');
    const peer = await RawPeer.linked(t, inviter, { identity, secret: { type: 'invite', inviteSecret } });
    peer.close();
    await until(async () => (await linked(inviter)).length === 0);
    const bare = await RawPeer.dial(t, inviter, { identity });
    await until(() => bare.isClosed);
    t.notOk(bare.isEstablished);
    t.same(await linked(inviter), []);
  },
);

void t.test(
  'what is no invite, an own one, one of another network and one that has expired are refused',
  async (t) => {
    const node = await TestNode.start(t);
    const { invite: own } = await node.call('peer.invite', {});
    const made = (options: { network?: Uint8Array; expiresSeconds?: number }): string => {
      const line = referenceOf(identityOf('inviter'), options.network ? { network: options.network } : {});
      const { inviter, ...rest } = decodeInvite(own);
      return encodeInvite({ ...rest, inviter: { ...inviter, line }, ...options });
    };
    for (const invite of [
      'mimeo-invite:',
      'hello',
      own.slice(0, -3),
      own,
      made({ network: networkId(networks.open) }),
    ])
      await t.rejects(node.call('peer.join', { invite }), { code: 'bad_reference' }, invite.slice(0, 24));
    await t.rejects(node.call('peer.join', { invite: made({ expiresSeconds: 1 }) }), {
      code: 'invite_expired',
    });
    t.same((await node.call('peer.list', {})).peers, []);
    t.match(await node.call('peer.join', { invite: made({}) }), { friend: true, state: 'offline' });
  },
);

void t.test('no more invites than the limit are open at a time', async (t) => {
  const node = await TestNode.start(t);
  for (let number = 0; number < nodeLimits.openInvites.value; number += 1) await node.call('peer.invite', {});
  await t.rejects(node.call('peer.invite', {}), { code: 'too_large' });
});

async function known(node: TestNode, name: string): Promise<ReturnType<typeof identityOf>> {
  const identity = identityOf(name);
  await node.addPeer(referenceOf(identity));
  return identity;
}
