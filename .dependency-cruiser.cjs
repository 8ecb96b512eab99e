/** Who may import whom (docs/ARCHITECTURE.md, "Rooms"). test/tidy.test.ts checks what names cannot show: clocks and timers. */
const rooms = {
  keys: [],
  routing: ['keys'],
  transport: ['keys'],
  client: ['keys'],
  store: ['keys'],
  fproxy: ['keys', 'client'],
};
const all = ['keys', 'routing', 'transport', 'client', 'store', 'fproxy', 'daemon', 'test'];

/** Rooms without input or output: time, randomness, disk and sockets reach them as arguments and events. */
const pure = '^(keys|routing|transport|client)/';

module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `${room}-imports-${allowed.length === 0 ? 'nothing-of-ours' : allowed.join('-and-')}`,
      severity: 'error',
      from: { path: `^${room}/` },
      to: { path: `^(${all.filter((other) => other !== room && !allowed.includes(other)).join('|')})/` },
    })),
    { name: 'nothing-imports-test', severity: 'error', from: { pathNot: '^test/' }, to: { path: '^test/' } },
    {
      name: 'rooms-meet-at-their-index',
      comment: 'Another room is entered by its index.ts, the short list of what it offers.',
      severity: 'error',
      from: { path: '^(keys|routing|transport|client|store|fproxy|daemon)/' },
      to: { path: '^(keys|routing|transport|client|store|fproxy)/(?!index\\.ts$)', pathNot: '^$1/' },
    },
    {
      name: 'pure-rooms-have-no-io',
      severity: 'error',
      from: { path: pure },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|assert)$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans-or-missing', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-packages-in-the-product',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
