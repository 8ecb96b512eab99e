/**
 * The jobs of this run of the daemon: downloads into files, uploads from files and spools, and streams for the proxy. A job
 * wires a machine of client/ to the virtual peer and to a file, and shows how it stands.
 *
 * Jobs are not kept over a restart. Invariant: a job that ends other than `finished` leaves no file under its target's name.
 */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { ParseError, PUBLIC_CONVERGENCE_SECRET, type Random } from '../../keys/index.ts';
import {
  type ContentApi,
  type FileKeyPolicy,
  type GetTarget,
  Getter,
  type Job,
  type OpenedFile,
  type Outcome,
  type Params,
  Putter,
  UserError,
  errorTable,
  isMimeType,
  noProgress,
  outcomeError,
} from '../../client/index.ts';
import type { Priority } from '../../routing/index.ts';
import { FileTaker } from './file-taker.ts';
import type { Keyring } from './keyring.ts';
import { nodeLimits } from './limits.ts';
import { MachineRun } from './machine-run.ts';
import { openFile } from './open-file.ts';
import { Sink } from './sink.ts';
import { type OpenContent, Source, fileContent } from './source.ts';
import type { Spool } from './spool.ts';
import { type Later, getTarget, putTarget } from './targets.ts';
import type { Network } from './client-cache.ts';

export interface JobsOptions {
  readonly network: Network;
  /** For who does not wait for a guard: streams, and downloads while nobody is known. */
  readonly impatient: Network;
  readonly keyring: Keyring;
  readonly random: Random;
  readonly spool: Spool;
  /** Whether there is anybody to insert at, now or when they come back. */
  readonly knowsPeers: () => boolean;
  /** Why what jobs of this class ask for waits, if it does. */
  readonly waiting: (priority: Priority) => Job['waiting'];
}

interface Entry {
  job: Job;
  /** Asked for before there was a machine to tell. */
  isCancelled: boolean;
  cancel: () => void;
  readonly ended: Promise<void>;
}

/** 0 … 2 are for somebody who waits, the rest goes on in the background. */
const DEFAULT_PRIORITY = 2;
const MOST_URGENT_BULK = 3;
const DEFAULT_MIME_TYPE = 'application/octet-stream';

export class Jobs implements ContentApi {
  readonly #options: JobsOptions;
  readonly #entries = new Map<string, Entry>();
  #stopping = false;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  get running(): number {
    let running = 0;
    for (const { job } of this.#entries.values()) if (job.state === 'running') running += 1;
    return running;
  }

  list(): Job[] {
    return [...this.#entries.values()].map((entry) => this.#shown(entry));
  }

  /** @throws UserError job_unknown */
  status(id: string): Job {
    return this.#shown(this.#entry(id));
  }

  async wait(id: string, timeoutMs: number): Promise<Job> {
    const entry = this.#entry(id);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([entry.ended, patience]);
    clearTimeout(timer);
    return this.#shown(entry);
  }

  async cancel(id: string): Promise<Job> {
    const entry = this.#entry(id);
    if (entry.job.state === 'running') {
      entry.cancel();
      await entry.ended;
    }
    return entry.job;
  }

  /** Cancels what runs and takes nothing new. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#entries.keys()].map((id) => this.cancel(id)));
  }

  async get({ uri, path, priority = DEFAULT_PRIORITY }: Params<'request.get'>): Promise<Job> {
    const target = getTarget(uri);
    this.#assertRoom();
    const taker = await FileTaker.create(path);
    try {
      // Others may have begun meanwhile.
      this.#assertRoom();
    } catch (error) {
      await taker.discard();
      throw error;
    }
    return this.#begin({ kind: 'get', priority, uri, path }, async (entry) => {
      const outcome = await this.#download(entry, { uri, target, taker, priority }).catch(
        async (error: unknown) => {
          await taker.discard();
          throw error;
        },
      );
      if (outcome.type === 'done') await taker.finish();
      else await taker.discard();
      return outcome;
    }).job;
  }

  async put(params: Params<'request.put'>): Promise<Job> {
    const { path } = params;
    await assertReadable(path);
    return this.#upload(params, fileContent(path)).job;
  }

  async upload(
    body: AsyncIterable<Uint8Array>,
    { signal, ...params }: Parameters<ContentApi['upload']>[1],
  ): Promise<Job> {
    // A key that is none is refused before the body is taken.
    putTarget(params.key, { keyring: this.#options.keyring, fileName: params.fileName });
    this.#assertPeers({});
    this.#assertRoom();
    const spooled = await this.#options.spool.take(body, signal);
    try {
      const entry = this.#upload(params, spooled.open);
      const cancel = (): void => entry.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      await entry.ended;
      signal.removeEventListener('abort', cancel);
      return entry.job;
    } finally {
      spooled.discard();
    }
  }

  async open(uri: string, { signal }: { signal: AbortSignal }): Promise<OpenedFile> {
    if (this.#stopping) throw stopping();
    const { impatient: network, random } = this.#options;
    return openFile(uri, { network, random, signal });
  }

  #upload(
    params: Pick<
      Params<'request.put'>,
      'key' | 'mimeType' | 'fileName' | 'convergence' | 'keyOnly' | 'priority'
    > & { path?: string },
    open: OpenContent,
  ): Entry {
    const { keyring, random } = this.#options;
    const {
      mimeType = DEFAULT_MIME_TYPE,
      fileName,
      convergence = 'own',
      priority = DEFAULT_PRIORITY,
      path,
    } = params;
    if (!isMimeType(mimeType)) throw new UserError('usage', `${mimeType} is no MIME type`);
    const target = putTarget(params.key, { keyring, fileName });
    this.#assertPeers(params);
    const key: FileKeyPolicy =
      convergence === 'random'
        ? { type: 'random' }
        : {
            type: 'convergent',
            secret: convergence === 'public' ? PUBLIC_CONVERGENCE_SECRET : keyring.convergenceSecret,
          };
    this.#assertRoom();
    return this.#begin(
      { kind: 'put', priority, mimeType, ...(path === undefined ? {} : { path }) },
      async (entry) => {
        const mode = params.keyOnly === true ? 'keyOnly' : 'insert';
        const putter = new Putter({ target: await target(), mimeType, key, mode, random });
        return this.#run(
          entry,
          new MachineRun(putter, {
            network: this.#options.network,
            priority: classOf(priority),
            source: new Source(open),
            onProgress: (progress) => update(entry, { progress }),
            onUri: (uri) => update(entry, { uri }),
          }),
        );
      },
    );
  }

  async #download(
    entry: Entry,
    {
      uri,
      target,
      taker,
      priority,
    }: { uri: string; target: Later<GetTarget>; taker: FileTaker; priority: number },
  ): Promise<Outcome> {
    const { network, impatient, knowsPeers } = this.#options;
    const getter = new Getter({ uri, target: await target(), random: this.#options.random });
    const run: MachineRun = new MachineRun(getter, {
      network: knowsPeers() ? network : impatient,
      priority: classOf(priority),
      onProgress: (progress) => update(entry, { progress }),
      onOpened: (file) => {
        update(entry, { mimeType: file.mimeType });
        const range = { offsetBytes: 0, sizeBytes: file.sizeBytes };
        run.read(range, new Sink(taker, file, range));
      },
    });
    return this.#run(entry, run);
  }

  #run(entry: Entry, run: MachineRun): Promise<Outcome> {
    entry.cancel = () => run.cancel();
    if (entry.isCancelled) run.cancel();
    return run.run();
  }

  #begin(
    fields: Pick<Job, 'kind' | 'priority' | 'uri' | 'path' | 'mimeType'>,
    work: (entry: Entry) => Promise<Outcome>,
  ): Entry {
    const id = randomBytes(4).toString('hex');
    const ended = Promise.withResolvers<void>();
    const job: Job = { id, state: 'running', progress: noProgress, ...fields };
    const cancel = (): void => {
      entry.isCancelled = true;
    };
    const entry: Entry = { job, isCancelled: false, cancel, ended: ended.promise };
    this.#entries.set(id, entry);
    void work(entry)
      .then(
        (outcome) => settle(entry, outcome),
        (error: unknown) => fail(entry, error),
      )
      .then(ended.resolve);
    this.#forgetOld();
    return entry;
  }

  #shown({ job }: Entry): Job {
    const waiting = job.state === 'running' ? this.#options.waiting(classOf(job.priority)) : undefined;
    return waiting === undefined ? job : { ...job, waiting };
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new UserError('job_unknown', `there is no job ${id}`);
    return entry;
  }

  /** Peers that are away may come back while a job waits; where there are none it would wait for nothing. */
  #assertPeers({ keyOnly }: { keyOnly?: boolean | undefined }): void {
    if (keyOnly !== true && !this.#options.knowsPeers()) {
      throw new UserError('no_route', 'this node knows no peers yet');
    }
  }

  #assertRoom(): void {
    if (this.#stopping) throw stopping();
    if (this.running >= nodeLimits.runningJobs.value) {
      throw new UserError('overloaded', `${nodeLimits.runningJobs.value} jobs are running already`);
    }
  }

  #forgetOld(): void {
    for (const [id, { job }] of this.#entries) {
      if (this.#entries.size <= nodeLimits.keptJobs.value) return;
      if (job.state !== 'running') this.#entries.delete(id);
    }
  }
}

function classOf(priority: number): Priority {
  return priority < MOST_URGENT_BULK ? 'realtime' : 'bulk';
}

function update(entry: Entry, fields: Partial<Job>): void {
  entry.job = { ...entry.job, ...fields };
}

function settle(entry: Entry, outcome: Outcome): void {
  const failure = outcomeError(outcome);
  if (outcome.type === 'done')
    update(entry, { state: 'finished', uri: outcome.uri, mimeType: outcome.mimeType });
  else if (outcome.type === 'cancelled') update(entry, { state: 'cancelled' });
  else if (failure !== undefined) fail(entry, failure);
}

/** @throws what is no expected failure: a bug ends the process */
function fail(entry: Entry, error: unknown): void {
  if (!(error instanceof UserError) && !(error instanceof ParseError)) throw error;
  const { hint, retryable } = errorTable[error.code];
  update(entry, { state: 'failed', error: { code: error.code, message: error.message, hint, retryable } });
}

function stopping(): UserError {
  return new UserError('daemon_stopping', 'the daemon is stopping');
}

async function assertReadable(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UserError('source_unreadable', `can't read ${path}: ${code}`, { cause: error });
  });
  if (!found.isFile()) throw new UserError('source_unreadable', `${path} is no file`);
}
