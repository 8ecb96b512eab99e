/** The commands against a real socket with a small node behind it: what goes to stdout, what to stderr, and how they end. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { api as methods, errorTable, noProgress } from '../../client/index.ts';
import { parseUri } from '../../keys/index.ts';
import { commands } from '../../daemon/cli/commands.ts';
import { exitStatuses } from '../../daemon/cli/exit.ts';
import { plain, table } from '../../daemon/cli/io.ts';
import { mimeTypeOf } from '../../daemon/cli/mime.ts';
import { progressLine } from '../../daemon/cli/progress.ts';
import { defaultName } from '../../daemon/cli/run/get.ts';
import { readDaemonFile, writeDaemonFile } from '../../daemon/config/daemon-file.ts';
import { optionName, settingNames } from '../../daemon/config/settings.ts';
import { run, type Ran, type Surroundings } from './cli-run.ts';
import { serve } from './rpc-served.ts';

void t.test(
  'each command lists the exit statuses of its methods, and each status has a meaning',
  async (t) => {
    const worksWithout = ['restart', 'panic', 'key passphrase'];
    for (const spec of commands) {
      const listed = new Set([0, 1, 2, ...spec.exits]);
      for (const status of listed) t.ok(exitStatuses.has(status), `${spec.name}: ${status}`);
      for (const method of spec.methods) {
        for (const code of methods[method].errors)
          t.ok(listed.has(errorTable[code].exit), `${spec.name}: ${method} ${code}`);
        t.ok(
          listed.has(errorTable.daemon_not_running.exit) || worksWithout.includes(spec.name),
          `${spec.name} needs a daemon`,
        );
      }
    }
    for (const [code, { exit }] of Object.entries(errorTable)) t.ok(exitStatuses.has(exit), code);
  },
);

void t.test(
  'every setting is an option of daemon, start and restart, and every method has a command or rpc',
  async (t) => {
    for (const name of ['daemon', 'start', 'restart']) {
      const options = commands
        .find((spec) => spec.name === name)
        ?.options.map(({ form }) => form.split(' ')[0]);
      t.strictSame(
        options,
        settingNames.map((setting) => `--${optionName(setting)}`),
        name,
      );
    }
    const names = commands.map(({ name }) => name);
    t.equal(new Set(names).size, names.length);
  },
);

interface Node {
  readonly dataDir: string;
  readonly mimeo: (line: string, given?: Partial<Surroundings>) => Promise<Ran>;
}

async function node(t: Test): Promise<Node> {
  const { dataDir } = await serve(t);
  return {
    dataDir,
    mimeo: (line, given) => run([...line.split(' '), '--data-dir', dataDir], { cwd: dataDir, ...given }),
  };
}

void t.test('status: a sentence, warnings, a table; or JSON', async (t) => {
  const { mimeo } = await node(t);
  const { status, stdout, stderr } = await mimeo('status');
  t.strictSame([status, stderr], [0, '']);
  t.match(
    stdout,
    /^Waiting for peers\.\n! This node has no peers\.\n\nup {9}1m\npeers {6}0 connected, 0 known\n/,
  );
  t.match(stdout, 'anonymity  What you ask for waits: no guard.\n');
  t.match(stdout, 'store      5 MiB of 1 GiB used\n');
  const json = await mimeo('status --json');
  t.match(JSON.parse(json.stdout), { uptimeSeconds: 90, anonymity: { reasons: ['no_guard'] } });
});

void t.test('own keys: what is printed can be given away, but for `key export`', async (t) => {
  const { mimeo } = await node(t);
  t.strictSame(await mimeo('key list'), { status: 0, stdout: '', stderr: '' });
  t.equal((await mimeo('key create me')).stdout, 'SSK@public-of-me/\n');
  t.equal((await mimeo('key import you -', { stdin: 'SSK@secret\n' })).stdout, 'SSK@public-of-you/\n');
  t.equal((await mimeo('key list')).stdout, 'me   SSK@public-of-me/\nyou  SSK@public-of-you/\n');
  t.equal((await mimeo('key export you')).stdout, 'SSK@secret\n');
  t.match(await mimeo('key create me'), {
    status: 13,
    stdout: '',
    stderr: /^mimeo: there is a key me already \(key_exists\)\. /,
  });
  t.match(await mimeo('key remove me'), { status: 0 });
  t.match(await mimeo('key export me'), { status: 12, stdout: '' });
  t.match(await mimeo('info KSK@word'), { status: 0, stdout: 'kind    ksk\nlength  8\n' });
});

void t.test('peers: what a peer or a network said moves no cursor', async (t) => {
  const { mimeo } = await node(t);
  t.equal((await mimeo('peer ref')).stdout, 'mimeo-node:abc\n');
  t.equal((await mimeo('peer add -', { stdin: 'their-line\n' })).stdout, 'their-line\n');
  const { stdout } = await mimeo('peer list');
  t.equal(stdout, 'their-line  chosen  0.5000  127.0.0.1:9  offline: refused\u{FFFD}[2J\n');
  t.equal((await mimeo('peer remove their-line')).stdout, 'their-line\n');
  t.match(await mimeo('peer remove their-line'), { status: 1, stderr: /\(peer_unknown\)/ });
});

void t.test('put and get: the key and the path are the result', async (t) => {
  const { mimeo, dataDir } = await node(t);
  writeFileSync(join(dataDir, 'page.html'), 'content');
  t.strictSame(await mimeo('put page.html --key ksk:page'), { status: 0, stdout: 'KSK@page\n', stderr: '' });
  t.match((await mimeo('queue show 1')).stdout, 'type      text/html\n');
  t.strictSame(await mimeo('get KSK@page'), { status: 0, stdout: `${join(dataDir, 'page')}\n`, stderr: '' });
  t.equal(readFileSync(join(dataDir, 'page'), 'utf8'), 'content');
  t.match(await mimeo('get KSK@page'), { status: 1, stderr: /\(target_exists\)/ }, 'nothing is overwritten');
  t.equal((await mimeo('get KSK@page -o other')).stdout, `${join(dataDir, 'other')}\n`);
  t.match(await mimeo('get KSK@none'), {
    status: 10,
    stdout: '',
    stderr: /^mimeo: nothing under KSK@none \(data_not_found\)/,
  });
  t.match(await mimeo('put nowhere'), { status: 1, stderr: /\(source_unreadable\)/ });
  t.match(await mimeo('put page.html --no-wait'), { status: 0, stdout: /^\d+\n$/ });
});

void t.test('a job whose time is over goes on, and its id is said', async (t) => {
  const { mimeo } = await node(t);
  const { status, stdout, stderr } = await mimeo('get KSK@slow --timeout 20ms');
  t.strictSame([status, stdout], [4, '']);
  t.equal(stderr, 'mimeo: job 1 is not done yet (timed_out). The job goes on; ask for it again later.\n');
  t.match((await mimeo('queue list')).stdout, /^1 {2}get {2}running {2}0\/0\+ {2}/);
  t.equal((await mimeo('queue cancel 1')).stdout, 'cancelled\n');
  t.match(await mimeo('queue cancel 2'), { status: 1, stderr: /\(job_unknown\)/ });
});

void t.test(
  'progress: JSON objects with the names of the field, a bar on a terminal only, or nothing',
  async (t) => {
    const { mimeo, dataDir } = await node(t);
    writeFileSync(join(dataDir, 'f'), 'content');
    const { stderr } = await mimeo('put f --progress json');
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    t.match(lines.at(-1), {
      id: '1',
      state: 'finished',
      required: 2,
      succeeded: 2,
      failed: 0,
      finalizedTotal: true,
    });
    t.equal((await mimeo('put f')).stderr, '');
    t.equal((await mimeo('put f --progress never', { columns: 80 })).stderr, '');
    const drawn = (await mimeo('put f', { columns: 80 })).stderr;
    t.match(drawn, '[########################]  0 blocks needed');
    t.ok(drawn.endsWith('\r\x1b[K'), 'the line is cleared at the end');
    t.match(await mimeo('put f --progress loud'), { status: 2, stderr: /expected auto, json or never/ });
  },
);

void t.test('the progress line says what is left, and is never as wide as the terminal', async (t) => {
  const progress = {
    ...noProgress,
    total: 40,
    required: 20,
    succeeded: 5,
    failed: 3,
    sizeBytes: 2 ** 20,
    doneBytes: 2 ** 18,
  };
  t.equal(
    progressLine({ progress }, 100),
    '[######..................]  15+ blocks needed  768 KiB to go  3 retries',
  );
  t.equal(
    progressLine({ progress: { ...progress, succeeded: 25, finalizedTotal: true, failed: 0 } }, 100).slice(
      0,
      46,
    ),
    `[${'#'.repeat(24)}]  0 blocks needed  7`,
  );
  t.equal(progressLine({ progress: noProgress }, 100), `[${'.'.repeat(24)}]  0+ blocks needed`);
  const waiting = { code: 'no_guard', sentence: 'Waits.' } as const;
  t.equal(
    progressLine({ progress: noProgress, waiting }, 100),
    `[${'.'.repeat(24)}]  0+ blocks needed  waits for a guard: see \`mimeo status\``,
  );
  for (const columns of [0, 1, 30])
    t.equal(progressLine({ progress }, columns).length, Math.max(0, columns - 1));
});

void t.test('rpc: text where the method takes text, else JSON', async (t) => {
  const { mimeo } = await node(t);
  await mimeo('get KSK@slow --timeout 1ms');
  const { stdout } = await mimeo('rpc request.wait id=1 timeoutMs=1');
  t.match(JSON.parse(stdout), { id: '1', state: 'running' });
  t.match(await mimeo('rpc no.such'), { status: 2, stderr: /\(method_unknown\)/ });
  t.match(await mimeo('rpc key.create name=me extra=1'), { status: 2, stderr: /Unrecognized key: "extra"/ });
  t.match(await mimeo('rpc key.create __proto__=1'), { status: 2 });
});

void t.test('config: values with their origin, without a daemon', async (t) => {
  const cwd = t.testdir();
  const env = { MIMEO_NETWORK: 'friends-small' };
  const { stdout } = await run(['config', 'list'], { cwd, env });
  t.match(stdout, /^network +friends-small +MIMEO_NETWORK$/m);
  t.match(stdout, /^fproxy\.listen +127\.0\.0\.1:8888 +default$/m);
  t.equal((await run(['config', 'get', 'network'], { cwd, env })).stdout, 'friends-small\n');
  t.equal((await run(['config', 'path'], { cwd })).stdout, `${cwd}/.config/mimeo/mimeo.toml\n`);
  t.equal((await run(['config', 'path', '--data-dir', 'd'], { cwd })).stdout, `${cwd}/d/mimeo.toml\n`);
  t.equal((await run(['--data-dir', 'd', 'config', 'path'], { cwd })).stdout, `${cwd}/d/mimeo.toml\n`);
});

/** A web interface that keeps one body and answers like fproxy. */
async function webInterface(
  t: Test,
  dataDir: string,
): Promise<{ readonly asked: string[]; readonly server: Server }> {
  const asked: string[] = [];
  const kept: Buffer[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['content-type'] ?? '-'}`);
    if (request.method === 'PUT') {
      request.on('data', (chunk: Buffer) => kept.push(chunk)).on('end', () => response.end('CHK@key\n'));
    } else if (request.url?.endsWith('none') === true) {
      response
        .writeHead(404, { 'X-Mimeo-Error': 'data_not_found' })
        .end('data_not_found: nothing there\nhint\n');
    } else if (request.url?.endsWith('broken') === true) {
      response.writeHead(200, { 'Content-Length': '1000' }).write('part');
      setImmediate(() => response.destroy());
    } else response.end(Buffer.concat(kept));
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const daemon = readDaemonFile(dataDir);
  if (daemon === undefined) throw new Error('the daemon file is there');
  writeDaemonFile(dataDir, {
    ...daemon,
    fproxy: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  return { asked, server };
}

void t.test('stdin and stdout go through the web interface, and its errors keep their code', async (t) => {
  const { mimeo, dataDir } = await node(t);
  t.match(await mimeo('get KSK@word -o -'), { status: 2, stderr: /donor/ }, 'a donor has none');
  const { asked, server } = await webInterface(t, dataDir);
  const stdin = 'body '.repeat(50_000);
  t.strictSame(await mimeo('put - --type text/plain', { stdin }), {
    status: 0,
    stdout: 'CHK@key\n',
    stderr: '',
  });
  t.strictSame(await mimeo('get KSK@a/b -o -'), { status: 0, stdout: stdin, stderr: '' });
  t.match(await mimeo('get KSK@none -o -'), {
    status: 10,
    stdout: '',
    stderr: /^mimeo: nothing there \(data_not_found\)/,
  });
  t.match(await mimeo('get KSK@broken -o -'), { status: 1, stderr: /broke off/ });
  t.match(await mimeo('put - --key ksk:word', { stdin: 'x' }), { status: 0 });
  t.strictSame(asked, [
    'PUT / text/plain',
    'GET /KSK%40a%2Fb -',
    'GET /KSK%40none -',
    'GET /KSK%40broken -',
    'PUT /KSK%40word -',
  ]);
  await new Promise((resolve) => server.close(resolve));
  t.match(
    await mimeo('get KSK@word -o -'),
    { status: 3, stderr: /\(daemon_not_running\)/ },
    'a daemon that died',
  );
});

void t.test('the default name of a fetched file chooses no folder and hides nothing', async (t) => {
  for (const [uri, name] of [
    ['KSK@word', 'word'],
    ['KSK@word/sub/page.html', 'page.html'],
    ['KSK@.profile', 'profile'],
    ['KSK@x/%2e%2e%2fup', '_up'],
    ['KSK@-rf', 'rf'],
    ['KSK@a%0ab%1b', 'a_b_'],
    ['KSK@...', 'fetched'],
  ] as const) {
    try {
      t.equal(defaultName(parseUri(uri)), name, uri);
    } catch (error) {
      t.match(error, { code: 'bad_key' }, `${uri} is no key at all`);
    }
  }
});

void t.test('a name is not taken for the folder that lies there', async (t) => {
  const { mimeo, dataDir } = await node(t);
  writeFileSync(join(dataDir, 'f'), 'content');
  await mimeo('put f --key ksk:page');
  t.equal((await mimeo(`get KSK@page -o ${dataDir}`)).stdout, `${join(dataDir, 'page')}\n`);
  t.ok(existsSync(join(dataDir, 'page')));
});

void t.test('text from outside is plain, tables are aligned, types go by the ending', async (t) => {
  t.equal(plain('a\u001b[31m\u202eb\n'), 'a\u{FFFD}[31m\u{FFFD}b\u{FFFD}');
  t.equal(
    table([
      ['a', 'bb', 'c'],
      ['dddd', '', 'e'],
    ]),
    'a     bb  c\ndddd      e',
  );
  t.equal(mimeTypeOf('PAGE.HTML'), 'text/html');
  t.equal(mimeTypeOf('x.constructor'), undefined);
  t.equal(mimeTypeOf('README'), undefined);
});
