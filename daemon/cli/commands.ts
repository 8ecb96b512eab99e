/**
 * The commands, once: what they are called, what they take, what they call, how they end. The parser, `mimeo help` and the check
 * of docs/spec/cli.md are made from this table. It loads no command: the code of one is imported when it runs, so that
 * `mimeo help` stays quick.
 */
import type { MethodName } from '../../client/index.ts';
import type { Invocation } from './invocation.ts';

/** Resolves with the exit status. @throws UserError */
type Run = (call: Invocation) => Promise<number>;

interface Part {
  /** As written: `<URI>` required, `[NAME]` optional, `[KEY=VALUE...]` any number; `-o, --output <FILE>`, `--json`. */
  readonly form: string;
  readonly summary: string;
}

export interface CommandSpec {
  /** One or two words. */
  readonly name: string;
  readonly summary: string;
  readonly operands: readonly Part[];
  readonly options: readonly Part[];
  readonly methods: readonly MethodName[];
  readonly examples: readonly string[];
  /** Exit statuses that scripts should expect, besides 0, 1, 2. */
  readonly exits: readonly number[];
  readonly load: () => Promise<Run>;
}

function command(
  name: string,
  summary: string,
  spec: Partial<CommandSpec> & Pick<CommandSpec, 'load'>,
): CommandSpec {
  return { name, summary, operands: [], options: [], methods: [], examples: [], exits: [], ...spec };
}

/** Every command takes it. */
export const dataDirOption: Part = {
  form: '--data-dir <DIR>',
  summary: 'data directory (MIMEO_DATA_DIR; default ~/.local/share/mimeo)',
};

/** Options over mimeo.toml; their names are checked against the settings by a test. */
const settingOptions: readonly Part[] = [
  { form: '--store-size <SIZE>', summary: 'disk space for the store, like 10GiB' },
  { form: '--listen <HOST:PORT>', summary: 'where other nodes connect' },
  {
    form: '--link-addresses <HOST[:PORT],…>',
    summary: 'where others reach this node, if not where it listens',
  },
  {
    form: '--link-prefix <TEXT>',
    summary: 'what other nodes send first, so that a link looks like something else',
  },
  {
    form: '--socks-proxy <HOST:PORT>',
    summary: 'connect to other nodes through a SOCKS5 proxy, and never past it',
  },
  { form: '--bandwidth-up <SIZE>', summary: 'send at most so much a second, like 1MiB' },
  { form: '--bandwidth-down <SIZE>', summary: 'take at most so much a second' },
  { form: '--fproxy-listen <HOST:PORT>', summary: 'where the browser finds the node; loopback only' },
  { form: '--donor', summary: 'give disk and bandwidth only: no web interface' },
  { form: '--network <NAME>', summary: 'class of the network' },
  { form: '--peers <REF,REF…>', summary: 'references of peers' },
  { form: '--seeds <REF,REF…>', summary: 'references of nodes to begin with' },
  {
    form: '--strangers <seek|accept|none>',
    summary: 'strangers as peers: find them, let them in, or neither',
  },
  {
    form: '--passphrase-file <FILE|->',
    summary: 'unlock with the passphrase in this file; - is stdin (of daemon alone)',
  },
  { form: '--trace-file <FILE>', summary: 'write down what passes, for measuring; test networks only' },
  { form: '--log-level <LEVEL>', summary: 'silent, fatal, error, warn, info, debug, trace' },
];

const jsonOption: Part = { form: '--json', summary: 'print JSON' };
const progressOption: Part = {
  form: '--progress <WHEN>',
  summary: 'auto (on a terminal), json (one object a line on stderr), never',
};
const timeoutOption: Part = {
  form: '--timeout <T>',
  summary: 'stop waiting after T, like 30s or 5m; the job goes on',
};
const presentOption: Part = {
  form: '--passphrase-file <FILE|->',
  summary: 'file with the present passphrase in one line; - is stdin; default: asked for on the terminal',
};
const uriOperand: Part = { form: '<URI>', summary: 'a key: CHK@…, SSK@…/name, KSK@word' };
const nameOperand: Part = { form: '<NAME>', summary: 'name of an own key: a-z, 0-9, - and _' };
const idOperand: Part = { form: '<ID>', summary: 'id of a job, as `mimeo queue list` prints it' };

/** Of all that ask the node: it does not run, or it is locked. */
const asking = [3, 16];
const starting = [16, 17, 18];
const transferring = [...asking, 4, 10, 11, 12, 14, 15, 130, 143];

export const commands: readonly CommandSpec[] = [
  command('daemon', 'Run the node in the foreground.', {
    options: settingOptions,
    examples: ['mimeo daemon --data-dir ./node --store-size 2GiB'],
    exits: starting,
    load: async () => (await import('./run/daemon.ts')).daemon,
  }),
  command('start', 'Start the node in the background; return when it is ready.', {
    options: settingOptions,
    examples: ['mimeo start'],
    exits: [4, ...starting],
    load: async () => (await import('./run/daemon.ts')).start,
  }),
  command('stop', 'Stop the node; return when it has ended.', {
    methods: ['node.stop'],
    exits: [3, 4],
    load: async () => (await import('./run/daemon.ts')).stop,
  }),
  command('restart', 'Stop the node if it runs, and start it.', {
    options: settingOptions,
    methods: ['node.stop'],
    exits: [4, ...starting],
    load: async () => (await import('./run/daemon.ts')).restart,
  }),
  command('status', 'Say what the node is doing.', {
    options: [jsonOption, { form: '--wait <T>', summary: 'wait up to T for a daemon that is starting' }],
    methods: ['node.status'],
    examples: ['mimeo status --wait 30s'],
    exits: [3],
    load: async () => (await import('./run/status.ts')).status,
  }),
  command('unlock', 'Give the passphrase to a node that is locked.', {
    options: [presentOption],
    methods: ['node.status', 'node.unlock'],
    examples: ['mimeo unlock', 'mimeo unlock --passphrase-file /run/keys/mimeo'],
    exits: [...asking, 11, 15, 17],
    load: async () => (await import('./run/unlock.ts')).unlock,
  }),
  command('panic', 'Destroy the key to everything on the disk, at once and without asking; end the node.', {
    methods: ['node.panic'],
    exits: [17, 18],
    load: async () => (await import('./run/panic.ts')).panic,
  }),
  command('get', 'Fetch a file.', {
    operands: [uriOperand],
    options: [
      {
        form: '-o, --output <FILE|DIR|->',
        summary: 'where to; - is stdout; default: the name in the key, in this directory',
      },
      progressOption,
      timeoutOption,
    ],
    methods: ['request.get', 'request.wait', 'request.cancel'],
    examples: ['mimeo get KSK@press-review -o review.pdf', 'mimeo get CHK@… -o - | tar x'],
    exits: transferring,
    load: async () => (await import('./run/get.ts')).get,
  }),
  command('put', 'Insert a file; print the key that fetches it.', {
    operands: [{ form: '<FILE|->', summary: 'the file; - is stdin' }],
    options: [
      { form: '--key <KEY>', summary: 'chk (default), ksk:WORD, ssk:NAME/document, or an insert URI' },
      {
        form: '--convergent',
        summary: 'equal files give equal keys for everybody: who has the file can see that it was inserted',
      },
      { form: '--random-key', summary: 'a new key each time, even for the same file' },
      { form: '--key-only', summary: 'compute the key and insert nothing' },
      { form: '--no-wait', summary: 'print the id of the job and return' },
      { form: '--type <MIME>', summary: 'MIME type; default: by the ending of the name' },
      progressOption,
      timeoutOption,
    ],
    methods: ['request.put', 'request.wait', 'request.cancel'],
    examples: [
      'mimeo put letter.pdf',
      'mimeo put page.html --key ksk:press-review',
      'tar c site | mimeo put -',
    ],
    exits: [...transferring, 13],
    load: async () => (await import('./run/put.ts')).put,
  }),
  command('info', 'Explain a key without asking the network.', {
    operands: [uriOperand],
    options: [jsonOption],
    methods: ['key.parse'],
    exits: [...asking, 12],
    load: async () => (await import('./run/key.ts')).info,
  }),
  command('key create', 'Make a subspace of your own; print the key to give away.', {
    operands: [nameOperand],
    methods: ['key.create'],
    exits: [...asking, 13],
    load: async () => (await import('./run/key.ts')).create,
  }),
  command('key list', 'List your subspaces.', {
    options: [jsonOption],
    methods: ['key.list'],
    exits: asking,
    load: async () => (await import('./run/key.ts')).list,
  }),
  command('key export', 'Print the insert form: who has it can publish in your name.', {
    operands: [nameOperand],
    methods: ['key.export'],
    exits: [...asking, 12],
    load: async () => (await import('./run/key.ts')).exportKey,
  }),
  command('key import', 'Add a subspace from its insert form.', {
    operands: [
      nameOperand,
      {
        form: '<URI|->',
        summary: 'the insert form; - reads it from stdin, where no list of processes shows it',
      },
    ],
    methods: ['key.import'],
    exits: [...asking, 12, 13],
    load: async () => (await import('./run/key.ts')).importKey,
  }),
  command(
    'key remove',
    'Forget a subspace. Export it first: without its insert form nothing more can be published there.',
    {
      operands: [nameOperand],
      methods: ['key.remove'],
      exits: [...asking, 12],
      load: async () => (await import('./run/key.ts')).remove,
    },
  ),
  command('key passphrase', 'Set or change the passphrase that the disk is unlocked with; or remove it.', {
    options: [
      presentOption,
      { form: '--new-passphrase-file <FILE|->', summary: 'file with the new one; - is stdin' },
      { form: '--remove', summary: 'none from now on: who has the disk can read it' },
    ],
    methods: ['node.info', 'key.passphrase'],
    examples: ['mimeo key passphrase', 'mimeo key passphrase --new-passphrase-file /run/keys/mimeo'],
    exits: [11, 15, 16, 17, 18],
    load: async () => (await import('./run/passphrase.ts')).changePassphrase,
  }),
  command('peer list', 'List the peers, and how each link stands.', {
    options: [jsonOption],
    methods: ['peer.list'],
    exits: asking,
    load: async () => (await import('./run/peer.ts')).list,
  }),
  command('peer add', 'Add a peer. Where the network has no strangers, both sides must add each other.', {
    operands: [
      {
        form: '<REFERENCE|->',
        summary: 'the line that `mimeo peer ref` printed there; - reads it from stdin',
      },
    ],
    methods: ['peer.add'],
    exits: asking,
    load: async () => (await import('./run/peer.ts')).add,
  }),
  command('peer remove', 'Forget a peer.', {
    operands: [{ form: '<IDENTITY>', summary: 'as `mimeo peer list` prints it' }],
    methods: ['peer.remove'],
    exits: asking,
    load: async () => (await import('./run/peer.ts')).remove,
  }),
  command('peer ref', 'Print the line that others need to connect to this node.', {
    methods: ['peer.reference'],
    examples: ['mimeo peer ref > my-node.txt'],
    exits: asking,
    load: async () => (await import('./run/peer.ts')).ref,
  }),
  command('invite', 'Print a line for one friend: pasted at the other side, it makes friends on both.', {
    methods: ['peer.invite'],
    examples: ['mimeo invite'],
    exits: [...asking, 14, 15],
    load: async () => (await import('./run/friends.ts')).invite,
  }),
  command('join', 'Become friends with whoever has sent you an invite.', {
    operands: [
      { form: '<INVITE|->', summary: 'the line that `mimeo invite` printed there; - reads it from stdin' },
    ],
    methods: ['peer.join'],
    exits: [...asking, 14, 15],
    load: async () => (await import('./run/friends.ts')).join,
  }),
  command('store stats', 'Say what the disk is used for.', {
    options: [jsonOption],
    methods: ['store.stats'],
    exits: asking,
    load: async () => (await import('./run/store.ts')).stats,
  }),
  command('store verify', 'Read every block that is kept, and drop what is damaged.', {
    options: [jsonOption],
    methods: ['store.verify'],
    exits: [...asking, 11],
    load: async () => (await import('./run/store.ts')).verify,
  }),
  command('store resize', 'Change the room on disk, now and for later starts.', {
    operands: [
      { form: '<SIZE>', summary: 'like 20GiB; what is kept longest without being asked for goes first' },
    ],
    options: [jsonOption],
    methods: ['store.resize'],
    examples: ['mimeo store resize 20GiB'],
    exits: [...asking, 11, 15, 17],
    load: async () => (await import('./run/store.ts')).resize,
  }),
  command('queue list', 'List the jobs of this run of the daemon.', {
    options: [jsonOption],
    methods: ['request.list'],
    exits: asking,
    load: async () => (await import('./run/queue.ts')).list,
  }),
  command('queue show', 'Show one job.', {
    operands: [idOperand],
    options: [jsonOption],
    methods: ['request.status'],
    exits: asking,
    load: async () => (await import('./run/queue.ts')).show,
  }),
  command('queue cancel', 'End a job.', {
    operands: [idOperand],
    methods: ['request.cancel'],
    exits: asking,
    load: async () => (await import('./run/queue.ts')).cancel,
  }),
  command('config list', 'List the settings, and where each value comes from.', {
    options: [jsonOption],
    exits: [17],
    load: async () => (await import('./run/config.ts')).list,
  }),
  command('config get', 'Print one setting.', {
    operands: [{ form: '<NAME>', summary: 'like store.size' }],
    exits: [17],
    load: async () => (await import('./run/config.ts')).get,
  }),
  command('config path', 'Print where mimeo.toml is looked for.', {
    load: async () => (await import('./run/config.ts')).path,
  }),
  command('rpc', 'Call a method of the daemon; print its result as JSON.', {
    operands: [
      { form: '<METHOD>', summary: 'as rpc.discover lists them' },
      {
        form: '[KEY=VALUE...]',
        summary: 'parameters; a value is text where the method takes text, else JSON',
      },
    ],
    methods: ['rpc.discover'],
    examples: ['mimeo rpc node.info', 'mimeo rpc request.wait id=7 timeoutMs=1000'],
    exits: asking,
    load: async () => (await import('./run/rpc.ts')).rpc,
  }),
  command('testnet', 'Run a network of real nodes on this machine, with a sample page.', {
    options: [
      { form: '--nodes <N>', summary: 'how many' },
      {
        form: '--once',
        summary: 'check that a file comes back bit for bit from another node, say so, and end',
      },
    ],
    examples: ['mimeo testnet --nodes 12'],
    exits: [130, 143],
    load: async () => (await import('./run/testnet.ts')).testnet,
  }),
];
