/**
 * The stem of real daemons, each its own process: what the owners of a small network read, and that no end of a process makes a node draw
 * new guards. Docs: docs/spec/node.md, 12, and docs/spec/rpc.md, 6.
 */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { assert } from '../../keys/index.ts';
import type { StemState } from '../../routing/index.ts';
import { StemFile } from '../../daemon/node/stem-file.ts';
import { openVault } from '../../daemon/node/vault.ts';
import { TestNetwork } from '../../daemon/testnet/network.ts';
import { fetchThrough, insertThrough } from '../../daemon/testnet/proxy-client.ts';
import { noise, sha256Of } from '../../daemon/testnet/sample.ts';
import { SeededRandom } from '../sim/random.ts';
import { FaultNet, TEST_MS, until } from './faults/net.ts';
import { Home } from './home.ts';

const NODES = 12;

t.setTimeout(TEST_MS);

async function kept({ dataDir }: { dataDir: string }): Promise<StemState | undefined> {
  const random = { bytes: (count: number) => randomBytes(count) };
  const vault = await openVault(dataDir, { random });
  assert(vault.state === 'open', 'these nodes have no passphrase');
  return new StemFile({ path: join(dataDir, 'stem'), key: vault.master.diskKey('stem'), random }).kept;
}

void t.test(
  'in a network of twelve everybody has a guard within seconds, and is told what is missing and no more',
  { timeout: TEST_MS },
  async (t) => {
    const random = new SeededRandom(5);
    const draw = () => random.fraction();
    const network = await TestNetwork.start({ nodes: NODES, storeSizeBytes: 16 * 2 ** 20, draw });
    t.teardown(() => network.stop());
    let stemIns = 0;
    for (const { api, origin } of network.nodes) {
      const status = () => api.call('node.status', {});
      await until('it has a guard', async () => (await status()).anonymity?.guard === 'settled');
      const { anonymity, warnings } = await status();
      assert(anonymity !== undefined, 'it runs');
      stemIns += anonymity.stemIns;
      const reasons = ['no_friends', ...(anonymity.stemIns < 2 ? ['few_stem_ins'] : [])];
      t.match(anonymity, { level: 'reduced', reasons });
      t.equal(warnings.filter((warning) => warning.startsWith('Reduced anonymity: ')).length, 1);
      t.notOk(warnings.some((warning) => warning.startsWith('What you ask for waits: ')));
      const page = await (await fetch(`${origin}/`)).text();
      t.match(page, '<p class="warn">Reduced anonymity: no friend is connected');
      t.match(page, /<td>Reduced: settled guard, \d+ nodes? asks? through this one\.<\/td>/);
    }
    t.ok(stemIns >= NODES, `${stemIns} places are taken`);
    const [from, to] = [network.node(0), network.node(NODES - 1)];
    const content = { key: '', mimeType: 'text/plain', body: noise('stem', 300_000) };
    const { uri } = await insertThrough(from.origin, content);
    const { sha256 } = await fetchThrough(to.origin, uri);
    t.equal(sha256, await sha256Of(noise('stem', 300_000)));
  },
);

void t.test(
  'guards outlive kill -9, again and again, and nobody draws others meanwhile',
  { timeout: TEST_MS },
  async (t) => {
    const net = await FaultNet.start(t, 4);
    const [seed, victim] = net.nodes;
    assert(seed !== undefined && victim !== undefined, 'there are four');
    const guards = (state: StemState | undefined) =>
      state?.guards.map(({ identity, drawnAt, endsAt }) => ({ identity, drawnAt, endsAt }));
    await until('it has written down three', async () => (await kept(victim))?.guards.length === 3);
    const before = await kept(victim);
    t.equal(statSync(join(victim.dataDir, 'stem')).mode & 0o777, 0o600);
    for (let round = 0; round < 3; round += 1) {
      await victim.kill();
      t.same(guards(await kept(victim)), guards(before), 'as it was killed');
      await victim.start({ seeds: [] });
      const guard = async () => (await victim.call('node.status', {})).anonymity?.guard;
      await until('one of them is back', async () => (await guard()) === 'settled');
    }
    const item = await victim.put('after all of it');
    await seed.get(item);
    const after = await kept(victim);
    t.same(guards(after), guards(before));
    t.same(after?.draws, before?.draws);
  },
);

void t.test(
  'a put at a node whose peers are away says at the terminal and in the queue why it waits',
  async (t) => {
    const home = new Home(t);
    t.match(await home.start(), { status: 0 });
    const api = await home.api();
    const other = new Home(t);
    t.match(await other.start(), { status: 0 });
    await api.call('peer.add', await (await other.api()).call('peer.reference', {}));
    t.match(await other.mimeo('stop'), { status: 0 });
    home.file('page', 'content');
    const put = home.spawn(['put', 'page', '--progress=json', '--timeout', '5m']);
    put.stderr.setEncoding('utf8');
    let said = '';
    put.stderr.on('data', (text: string) => {
      said += text;
    });
    await until('it says so', () => /"waiting":"no_guard"/u.test(said));
    t.match(await home.mimeo('queue', 'list'), { status: 0, stdout: /^[0-9a-f]+ +put +waiting +0\// });
    const [{ id } = { id: '' }] = (await api.call('request.list', {})).jobs;
    t.match(await home.mimeo('queue', 'show', id), { stdout: /waiting +Waits: .* \(no_guard\)\n/ });
    t.match(await home.mimeo('status'), {
      stdout:
        /! What you ask for waits: this node has no guard yet.*\nanonymity +What you ask for waits: no guard/s,
    });
    put.kill('SIGINT');
    while (put.exitCode === null) await sleep(20);
    t.equal(put.exitCode, 130);
  },
);
