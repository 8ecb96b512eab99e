/**
 * An `Api` that is small and real: own keys and jobs in memory, files on disk, no network. A file that was put under `ksk:WORD`
 * can be got as `KSK@WORD`; the word `slow` makes a job that runs until it is cancelled. Every result is checked against the table.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import {
  api as methods,
  noProgress,
  UserError,
  type Api,
  type ErrorCode,
  type Job,
  type MethodName,
  type Params,
  type Result,
} from '../../client/index.ts';

type Handlers = { readonly [M in MethodName]?: (params: Params<M>) => Result<M> | Promise<Result<M>> };

export interface SmallApi extends Api {
  /** How many calls have come, by name. */
  readonly calls: ReadonlyMap<string, number>;
}

export function smallApi(dataDir: string): SmallApi {
  const calls = new Map<string, number>();
  const handlers: Handlers = { ...nodeHandlers(dataDir), ...keyHandlers(), ...jobHandlers() };
  return {
    calls,
    async call<M extends MethodName>(name: M, params: Params<M>): Promise<Result<M>> {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      const handler = handlers[name];
      if (handler === undefined) throw new Error(`${name} is not in the small api`);
      return methods[name].result.parse(await handler(params)) as Result<M>;
    },
  };
}

function nodeHandlers(dataDir: string): Handlers {
  const peers: Result<'peer.list'>['peers'] = [];
  return {
    'node.info': () => ({
      version: '0.0.0',
      pid: process.pid,
      dataDir,
      network: 'open',
      identity: 'id',
      location: 0.25,
      listen: ['127.0.0.1:7'],
    }),
    'node.status': () => ({
      sentence: 'Waiting for peers.',
      warnings: ['This node has no peers.'],
      uptimeSeconds: 90,
      peers: { connected: 0, known: peers.length },
      anonymity: {
        level: 'waiting' as const,
        reasons: ['no_guard' as const],
        sentence: 'What you ask for waits: no guard.',
        guard: 'none' as const,
        stemIns: 0,
      },
      requests: { pending: 0 },
      jobs: { running: 0 },
      store: { storeBlocks: 3, cacheBlocks: 4, usedBytes: 5 * 2 ** 20, limitBytes: 2 ** 30 },
    }),
    'node.stop': () => ({ stopping: true }),
    'rpc.discover': () => ({}),
    'peer.list': () => ({ peers }),
    'peer.reference': () => ({ reference: 'mimeo-node:abc' }),
    'peer.add': ({ reference }) => {
      const peer = {
        identity: reference,
        state: 'offline' as const,
        tie: 'chosen' as const,
        friend: false,
        location: 0.5,
        addresses: ['127.0.0.1:9'],
        lastFailure: 'refused\u001b[2J',
      };
      peers.push(peer);
      return peer;
    },
    'peer.remove': ({ identity }) => {
      const [peer] = peers.splice(
        peers.findIndex((known) => known.identity === identity),
        1,
      );
      return peer ?? fail('peer_unknown', `no peer ${identity}`);
    },
  };
}

function keyHandlers(): Handlers {
  const keys = new Map<string, { name: string; requestUri: string; insertUri: string }>();
  const known = (name: string) => keys.get(name) ?? fail('key_unknown', `no key ${name}`);
  const add = (name: string, insertUri: string) => {
    if (keys.has(name)) fail('key_exists', `there is a key ${name} already`);
    const key = { name, requestUri: `SSK@public-of-${name}/`, insertUri };
    keys.set(name, key);
    return key;
  };
  return {
    'key.create': ({ name }) => add(name, `SSK@secret-of-${name}/`),
    'key.import': ({ name, insertUri }) => add(name, insertUri),
    'key.list': () => ({ keys: [...keys.values()] }),
    'key.export': ({ name }) => known(name),
    'key.remove': ({ name }) => {
      const key = known(name);
      keys.delete(name);
      return key;
    },
    'key.parse': ({ uri }) => ({ kind: uri.slice(0, 3).toLowerCase(), length: uri.length }),
  };
}

function jobHandlers(): Handlers {
  const jobs = new Map<string, Job>();
  const files = new Map<string, Buffer>();
  const waiting: { id: string; resolve: (job: Job) => void }[] = [];
  const update = (job: Job) => {
    jobs.set(job.id, job);
    for (const { id, resolve } of waiting) if (id === job.id) resolve(job);
    return job;
  };
  const begin = (kind: 'get' | 'put', path: string, uri: string): Job =>
    update({
      id: String(jobs.size + 1),
      kind,
      state: 'running',
      priority: 4,
      progress: noProgress,
      path,
      uri,
    });
  const known = (id: string) => jobs.get(id) ?? fail('job_unknown', `no job ${id}`);
  const finish = (job: Job, sizeBytes: number) => {
    const progress = {
      ...noProgress,
      total: 3,
      required: 2,
      succeeded: 2,
      finalizedTotal: true,
      sizeBytes,
      doneBytes: sizeBytes,
    };
    update({ ...job, state: 'finished', progress });
  };
  return {
    'request.put': ({ path, key = 'ksk:any', mimeType }) => {
      if (!existsSync(path)) fail('source_unreadable', `can't read ${path}`);
      const uri = key.replace(/^ksk:/, 'KSK@');
      const job = begin('put', path, uri);
      const content = readFileSync(path);
      files.set(uri, content);
      if (uri !== 'KSK@slow') finish({ ...job, ...(mimeType && { mimeType }) }, content.length);
      return job;
    },
    'request.get': ({ uri, path }) => {
      if (existsSync(path)) fail('target_exists', `${path} exists`);
      const job = begin('get', path, uri);
      const content = files.get(uri);
      if (content === undefined && uri !== 'KSK@slow') {
        const error = { code: 'data_not_found', message: `nothing under ${uri}`, hint: '', retryable: true };
        return update({ ...job, state: 'failed', error });
      }
      if (uri === 'KSK@slow' || content === undefined) return job;
      writeFileSync(path, content);
      finish(job, content.length);
      return job;
    },
    'request.list': () => ({ jobs: [...jobs.values()] }),
    'request.status': ({ id }) => known(id),
    'request.wait': async ({ id, timeoutMs }) => {
      const job = known(id);
      if (job.state !== 'running') return job;
      const { promise, resolve } = Promise.withResolvers<Job>();
      waiting.push({ id, resolve });
      setTimeout(() => resolve(known(id)), timeoutMs).unref();
      return promise;
    },
    'request.cancel': ({ id }) => update({ ...known(id), state: 'cancelled' }),
  };
}

function fail(code: ErrorCode, message: string): never {
  throw new UserError(code, message);
}
