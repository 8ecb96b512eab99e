/** The parameters of the networks: what is bound into the network id, and that docs/spec/routing.md, 10, says what the code does. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { type NetworkParams, isNetworkName, networkId, networks } from '../../routing/index.ts';

void t.test(
  'a network id is the hash of the name, the HTL, the stall limit and the store rank',
  async (t) => {
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
    const id = (params: NetworkParams): string => Buffer.from(networkId(params)).toString('hex');
    t.equal(id(networks.open), hash('mimeo/network/1/open/20/6/4'));
    t.equal(id(networks['friends-small']), hash('mimeo/network/1/friends-small/25/none/3'));
    t.equal(id({ ...networks.open, stallLimit: 7 }), hash('mimeo/network/1/open/20/7/4'));
    t.equal(new Set(Object.values(networks).map(id)).size, Object.keys(networks).length);
  },
);

void t.test('a network is known by its name, and by nothing else', async (t) => {
  for (const [name, params] of Object.entries(networks)) {
    t.ok(isNetworkName(name));
    t.equal(params.name, name);
  }
  for (const name of ['', 'Open', 'constructor', 'toString', '__proto__']) t.notOk(isNetworkName(name), name);
});

void t.test('the times of every network fit together', async (t) => {
  for (const params of Object.values(networks)) {
    t.ok(params.workingPatienceMs > 2 * params.workingEveryMs, 'one Working may be lost on the way');
    t.ok(params.deadlineMs > params.htl * params.hopMarginMs, 'the last hop still has time');
    t.ok(params.coalesceWaitMs < params.workingPatienceMs, 'who waits for another fetch is not silent');
    t.ok(params.blockPatienceMs < params.workingPatienceMs, 'a block that is late is blamed on who owes it');
  }
});

/** The rows of section 10: names of parameters, then their values in each network. */
function specified(): { readonly columns: readonly string[]; readonly rows: Map<string, readonly string[]> } {
  const spec = readFileSync(new URL('../../docs/spec/routing.md', import.meta.url), 'utf8');
  const section = spec.slice(spec.indexOf('## 10.'), spec.indexOf('## 11.'));
  const table = section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.replaceAll('`', '').trim()));
  const [head = [], , ...body] = table;
  return { columns: head.slice(1), rows: new Map(body.map(([name = '', ...cells]) => [name, cells])) };
}

void t.test('the table of parameters in the specification has the values of the code', async (t) => {
  const { columns, rows } = specified();
  t.strictSame(columns, Object.keys(networks));
  const written = new Map<string, string>();
  for (const [names, cells] of rows) {
    names.split(', ').forEach((name, part) => {
      cells.forEach((cell, column) =>
        written.set(`${columns[column]} ${name}`, cell.split(', ')[part] ?? cell),
      );
    });
  }
  const shown = (value: number | string | boolean | undefined): string => {
    if (value === undefined) return 'none';
    return typeof value === 'boolean' ? (value ? 'yes' : 'no') : value.toLocaleString('en');
  };
  for (const [network, { name: _, traceable, ...params }] of Object.entries(networks)) {
    t.equal(written.get(`${network} traces to a file`), shown(traceable));
    for (const [name, value] of Object.entries(params))
      t.equal(written.get(`${network} ${name}`), shown(value), name);
  }
  t.equal(
    written.size,
    Object.keys(networks).length * (Object.keys(networks.open).length - 1),
    'and no others',
  );
});
