/**
 * What the program can do, once: method name, parameters, result, errors. The JSON-RPC socket, the command line, fproxy and the
 * library are views of this table; the daemon implements it. Parameters are named, a result is always an object, and fields are
 * only ever added. File bodies do not travel here: they go by path on this machine or as streams through `ContentApi`.
 */
import { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import { jobSchema, prioritySchema, type Job } from './job.ts';

interface MethodSpec {
  readonly summary: string;
  readonly params: z.ZodObject;
  readonly result: z.ZodObject;
  /** Codes beyond those that any call can give (`bad_request`, `usage`, `daemon_stopping`, `failed`). */
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

const peerInfo = z.object({
  identity: z.string(),
  state: z.enum(['connected', 'connecting', 'offline']),
  /** Where the node stands on the circle, 0 to 1. */
  location: z.number(),
  addresses: z.array(z.string()),
  direction: z.enum(['in', 'out']).optional(),
  connectedSeconds: z.number().optional(),
  /** Why the last try to connect failed, in words. */
  lastFailure: z.string().optional(),
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
      identity: z.string(),
      location: z.number(),
      listen: z.array(z.string()),
      fproxy: z.string().optional(),
    }),
  }),
  'node.status': method('What the node is doing.', {
    params: none,
    result: z.object({
      /** One true sentence. */
      sentence: z.string(),
      /** What a person should know, in words: no peers, reduced anonymity, disk trouble. */
      warnings: z.array(z.string()),
      uptimeSeconds: z.number(),
      peers: z.object({ connected: z.number(), known: z.number() }),
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
  'key.parse': method('Explains a key without asking the network.', {
    params: z.strictObject({ uri }),
    result: z.looseObject({ kind: z.string() }),
    errors: ['bad_key'],
  }),
  'peer.list': method('The peers that this node knows, and how each link stands.', {
    params: none,
    result: z.object({ peers: z.array(peerInfo) }),
  }),
  'peer.reference': method('The line that others need to connect to this node.', {
    params: none,
    result: z.object({ reference: z.string() }),
  }),
  'peer.add': method('Adds a peer by its reference. Both sides must add each other.', {
    params: z.strictObject({ reference: z.string().min(1).max(8192) }),
    result: peerInfo,
    errors: ['bad_reference'],
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
