/**
 * What the program can do, once: method name, parameters, result, errors. The JSON-RPC socket, the command line, fproxy and the
 * library are views of this table; the daemon implements it. Parameters are named, a result is always an object, and fields are
 * only ever added. File bodies do not travel here: they go by path on this machine or as streams through `ContentApi`.
 */
import { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import { jobSchema, prioritySchema, type Job, waitCodes } from './job.ts';

interface MethodSpec {
  readonly summary: string;
  readonly params: z.ZodObject;
  readonly result: z.ZodObject;
  /** Codes beyond those that any call can give (`bad_request`, `usage`, `locked`, `daemon_stopping`, `failed`). */
  readonly errors: readonly ErrorCode[];
}

function method<P extends z.ZodObject, R extends z.ZodObject>(
  summary: string,
  spec: { params: P; result: R; errors?: readonly ErrorCode[] },
) {
  return { summary, params: spec.params, result: spec.result, errors: spec.errors ?? [] };
}

const none = z.strictObject({});
const path = z.string().min(1).max(4096).describe('absolute path on the machine of the daemon');
const uri = z.string().min(1).max(8192).describe('a key: CHK@…, SSK@…, KSK@…');
const keyName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/)
  .describe('name of an own key: a-z, 0-9, - and _');

const passphrase = z.string().min(1).max(4096).describe('as a person types it; never logged');
const passphraseState = z.enum(['none', 'set']);
const nodeState = z.enum(['locked', 'running']);

const peerInfo = z.object({
  identity: z.string(),
  state: z.enum(['connected', 'connecting', 'offline']),
  /** `friend`: both ends hold a secret of their own, from an invite. `chosen`: the owner has named it. `stranger`: it was found. */
  tie: z.enum(['friend', 'chosen', 'stranger']),
  friend: z.boolean(),
  /** Where the node stands on the circle, 0 to 1. */
  location: z.number(),
  addresses: z.array(z.string()),
  direction: z.enum(['in', 'out']).optional(),
  connectedSeconds: z.number().optional(),
  /** Why the last try to connect failed, in words. */
  lastFailure: z.string().optional(),
});

const joiningInfo = z.object({
  /**
   * `nobody`: there is no node to ask. `calling`: no link yet. `unanswered`: no link, and calls have failed. `ended`: no link,
   * and the last call was answered. `looking`: links, and fewer than a quarter of the peers. `joined`: more. `accepting`: strangers may connect, none are looked for. `closed`: no strangers.
   */
  code: z.enum(['nobody', 'calling', 'unanswered', 'ended', 'looking', 'joined', 'accepting', 'closed']),
  /** The same in words, with what is being tried and why it comes to nothing. */
  sentence: z.string(),
  /** Links with strangers and named peers that both ends want, and how many strangers this node wants. */
  confirmed: z.number(),
  wanted: z.number(),
  /** Calls that are on, and those that have failed since one did not. */
  calling: z.number(),
  failed: z.number(),
  /** Why the last call failed, in words. */
  lastFailure: z.string().optional(),
  lastFailureSeconds: z.number().optional(),
  nextTrySeconds: z.number().optional(),
  /** What is being done to find peers, in words. */
  doing: z.string().optional(),
  /** Who can call this node at the addresses that it names: everybody, its local network, its machine, nobody. */
  callable: z.enum(['world', 'network', 'machine', 'nobody']),
});

/** Docs: docs/spec/rpc.md, 6. */
const anonymityInfo = z.object({
  /** `waiting`: what the owner asks for goes nowhere for now. It may be reduced as well: `reasons` has all that holds. */
  level: z.enum(['full', 'reduced', 'waiting']),
  reasons: z.array(
    z.enum([
      ...waitCodes,
      /** Drawn from the few peers of the beginning. */
      'guard_provisional',
      /** None is connected. */
      'no_friends',
      /** Fewer than two nodes ask through this one. */
      'few_stem_ins',
      /** Made so for tests and benches. */
      'stem_off',
    ]),
  ),
  /** In words; what follows from it and what to do is among the warnings. */
  sentence: z.string(),
  /** The peer through which all that the owner asks for leaves. */
  guard: z.enum(['none', 'provisional', 'settled']),
  /** Connected nodes whose guard this one is. */
  stemIns: z.number(),
});

const partInfo = { blocks: z.number(), capacityBlocks: z.number() };
const storeInfo = z.object({
  /** Number of the format on disk. */
  format: z.number(),
  /** Blocks that this node answers for; protected ones have been asked for again. */
  store: z.object({ ...partInfo, protectedBlocks: z.number() }),
  /** Blocks that passed by. */
  cache: z.object(partInfo),
  /** What the owner has read, which nobody else can ask for. */
  clientCache: z.object(partInfo),
  /** All files together, uploads on their way included. */
  usedBytes: z.number(),
  spoolBytes: z.number(),
  limitBytes: z.number(),
  /** The disk looks alike however much is kept; until it is filled its size tells how much was. */
  silent: z.boolean(),
  slots: z.object({ filled: z.number(), total: z.number() }),
});

const ownKey = z.object({ name: z.string(), requestUri: z.string() });

export const api = {
  'rpc.discover': method('This document (OpenRPC).', { params: none, result: z.looseObject({}) }),
  'node.info': method('Who this node is and where it listens.', {
    params: none,
    result: z.object({
      version: z.string(),
      pid: z.number(),
      dataDir: z.string(),
      network: z.string(),
      /** Empty while the node is locked: it is sealed. */
      identity: z.string(),
      /** Follows from the identity; 0 while the node is locked. */
      location: z.number(),
      listen: z.array(z.string()),
      fproxy: z.string().optional(),
      state: nodeState.optional(),
      /** Whether the master key is wrapped by one. */
      passphrase: passphraseState.optional(),
    }),
  }),
  'node.status': method('What the node is doing.', {
    params: none,
    result: z.object({
      /** One true sentence. */
      sentence: z.string(),
      /** What a person should know, in words: no peers, reduced anonymity, disk trouble. */
      warnings: z.array(z.string()),
      /** Running where it is absent. Figures of a locked node are zero. */
      state: nodeState.optional(),
      uptimeSeconds: z.number(),
      peers: z.object({ connected: z.number(), known: z.number() }),
      /** How finding peers stands. Absent while the node is locked. */
      joining: joiningInfo.optional(),
      /** How well hidden it is what the owner asks for. Absent while the node is locked. */
      anonymity: anonymityInfo.optional(),
      requests: z.object({ pending: z.number() }),
      jobs: z.object({ running: z.number() }),
      store: z.object({
        storeBlocks: z.number(),
        cacheBlocks: z.number(),
        usedBytes: z.number(),
        limitBytes: z.number(),
      }),
    }),
  }),
  'node.stop': method('Finishes or refuses what is in flight, then ends the process.', {
    params: none,
    result: z.object({ stopping: z.literal(true) }),
  }),
  'node.unlock': method('Gives the passphrase to a locked node, which then starts.', {
    params: z.strictObject({ passphrase }),
    result: z.object({ state: nodeState }),
    errors: [
      'wrong_passphrase',
      'bad_passphrase',
      'overloaded',
      'keys_missing',
      'state_damaged',
      'data_dir_format',
      'store_format',
      'config_invalid',
      'port_in_use',
      'bad_reference',
      'disk_failed',
      'disk_full',
    ],
  }),
  'node.panic': method(
    'Destroys the master key, without which nothing on the disk can be read again, and ends the process at once.',
    { params: none, result: z.object({ destroyed: z.boolean() }), errors: ['disk_failed'] },
  ),
  'request.get': method('Fetches a file into a path; returns the job at once.', {
    params: z.strictObject({ uri, path, priority: prioritySchema.optional() }),
    result: jobSchema,
    errors: ['bad_key', 'key_form', 'target_exists', 'target_unwritable', 'overloaded'],
  }),
  'request.put': method('Inserts a file from a path; returns the job at once.', {
    params: z.strictObject({
      path,
      key: z
        .string()
        .max(8192)
        .optional()
        .describe('chk (default), ksk:WORD, ssk:NAME/document, or an insert URI'),
      mimeType: z.string().max(255).optional(),
      fileName: z.string().max(255).optional().describe('appended to a CHK; not inserted'),
      convergence: z
        .enum(['own', 'public', 'random'])
        .optional()
        .describe(
          'own (default): a secret of this node; public: equal files give equal keys for everybody; random: never equal',
        ),
      keyOnly: z.boolean().optional().describe('computes the URI and inserts nothing'),
      priority: prioritySchema.optional(),
    }),
    result: jobSchema,
    errors: ['bad_key', 'key_form', 'key_unknown', 'source_unreadable', 'overloaded'],
  }),
  'request.list': method('All jobs of this run of the daemon, oldest first.', {
    params: none,
    result: z.object({ jobs: z.array(jobSchema) }),
  }),
  'request.status': method('One job as it stands.', {
    params: z.strictObject({ id: z.string() }),
    result: jobSchema,
    errors: ['job_unknown'],
  }),
  'request.wait': method(
    'Answers when the job has ended or the time is over, with the job as it stands then.',
    {
      params: z.strictObject({ id: z.string(), timeoutMs: z.number().int().min(0).max(3_600_000) }),
      result: jobSchema,
      errors: ['job_unknown'],
    },
  ),
  'request.cancel': method('Ends a job; what was written of a target is removed.', {
    params: z.strictObject({ id: z.string() }),
    result: jobSchema,
    errors: ['job_unknown'],
  }),
  'key.create': method('Makes a subspace of your own under a name.', {
    params: z.strictObject({ name: keyName }),
    result: ownKey,
    errors: ['key_exists'],
  }),
  'key.list': method('Your subspaces, with the form of the key that you can give away.', {
    params: none,
    result: z.object({ keys: z.array(ownKey) }),
  }),
  'key.export': method('The insert form: who has it can publish in your name.', {
    params: z.strictObject({ name: keyName }),
    result: ownKey.extend({ insertUri: z.string() }),
    errors: ['key_unknown'],
  }),
  'key.import': method('Adds a subspace from its insert form.', {
    params: z.strictObject({ name: keyName, insertUri: uri }),
    result: ownKey,
    errors: ['key_exists', 'bad_key', 'key_form'],
  }),
  'key.remove': method(
    'Forgets a subspace. What was published stays; nothing more can be published without a backup.',
    { params: z.strictObject({ name: keyName }), result: ownKey, errors: ['key_unknown'] },
  ),
  'key.passphrase': method('Sets, changes or removes the passphrase that the disk is unlocked with.', {
    params: z.strictObject({
      current: passphrase.optional().describe('the present one, where there is one'),
      next: passphrase.optional().describe('the new one; absent: none from now on'),
    }),
    result: z.object({ passphrase: passphraseState }),
    errors: [
      'wrong_passphrase',
      'bad_passphrase',
      'overloaded',
      'keys_missing',
      'state_damaged',
      'data_dir_format',
      'disk_failed',
      'disk_full',
    ],
  }),
  'key.parse': method('Explains a key without asking the network.', {
    params: z.strictObject({ uri }),
    result: z.looseObject({ kind: z.string() }),
    errors: ['bad_key'],
  }),
  'peer.list': method('The peers that this node knows or has found, and how each link stands.', {
    params: none,
    result: z.object({ peers: z.array(peerInfo) }),
  }),
  'peer.reference': method('The line that others need to connect to this node.', {
    params: none,
    result: z.object({ reference: z.string() }),
  }),
  'peer.add': method(
    'Adds a peer by its reference. Where the network has no strangers both sides must add each other.',
    {
      params: z.strictObject({ reference: z.string().min(1).max(8192) }),
      result: peerInfo,
      errors: ['bad_reference'],
    },
  ),
  'peer.invite': method('A line for one friend: pasted at the other side, it makes friends on both.', {
    params: none,
    result: z.object({ invite: z.string(), expiresSeconds: z.number().describe('Unix time') }),
    errors: ['too_large', 'disk_full', 'disk_failed'],
  }),
  'peer.join': method('Takes the invite of a friend: both sides become friends when the link comes up.', {
    params: z.strictObject({ invite: z.string().min(1).max(8192) }),
    result: peerInfo,
    errors: ['bad_reference', 'invite_expired', 'too_large', 'disk_full', 'disk_failed'],
  }),
  'store.stats': method('What the disk is used for.', { params: none, result: storeInfo }),
  'store.verify': method(
    'Reads every block that is kept and drops what is damaged. Takes a minute or two for each 10 GiB.',
    {
      params: none,
      result: z.object({ slots: z.number(), blocks: z.number(), damaged: z.number(), free: z.number() }),
      errors: ['disk_failed', 'store_closed', 'store_busy'],
    },
  ),
  'store.resize': method('Changes the room on disk, now and for later starts.', {
    params: z.strictObject({ sizeBytes: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER) }),
    result: storeInfo,
    errors: ['config_invalid', 'disk_full', 'disk_failed', 'store_closed', 'store_busy'],
  }),
  'peer.remove': method('Forgets a peer and closes the link.', {
    params: z.strictObject({ identity: z.string() }),
    result: peerInfo,
    errors: ['peer_unknown'],
  }),
} satisfies Record<string, MethodSpec>;

export type MethodName = keyof typeof api;
export type Params<M extends MethodName> = z.output<(typeof api)[M]['params']>;
export type Result<M extends MethodName> = z.output<(typeof api)[M]['result']>;

/** What implements the table: the daemon itself, or a connection to its socket. Fails with a `UserError` and in no other way. */
export interface Api {
  call<M extends MethodName>(name: M, params: Params<M>): Promise<Result<M>>;
}

/** A file being fetched: what its metadata says, and its bytes in order as they arrive. */
export interface OpenedFile {
  readonly mimeType: string;
  readonly sizeBytes: number;
  /** Changes when the content does; not derived from secrets. */
  readonly etag: string;
  /** The bytes from `start` up to and including `end`. Ends by throwing a `UserError` when a block can't be had. */
  read(range: { start: number; end: number }): AsyncIterable<Uint8Array>;
  /** Lets go of what is pending; reading ends. */
  close(): void;
}

/** Bodies as streams, for the proxy. */
export interface ContentApi {
  /** Resolves when the metadata is there. @throws UserError */
  open(uri: string, options: { signal: AbortSignal }): Promise<OpenedFile>;
  /** Takes the whole body before anything is inserted; resolves with the finished job. @throws UserError */
  upload(
    body: AsyncIterable<Uint8Array>,
    options: {
      key: string | undefined;
      mimeType: string | undefined;
      fileName: string | undefined;
      signal: AbortSignal;
    },
  ): Promise<Job>;
}
