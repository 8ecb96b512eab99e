/**
 * A node in memory behind the two contracts that fproxy uses: files under canonical keys, and uploads that become files. It
 * writes down everything that it hears, so that a test can say "the node did not hear of it", and counts what is pulled from it.
 */
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { formatUri, parseUri, requestUri } from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import type { Api, ContentApi, Job, OpenedFile, Result } from '../../client/index.ts';

export interface MemoryFile {
  readonly bytes: Uint8Array;
  readonly mimeType: string;
  /** Reading fails before this offset is passed. */
  readonly failsAt?: number;
  /** Reading waits at this offset until the file is closed. */
  readonly hangsAt?: number;
}

export interface Upload {
  readonly key: string | undefined;
  readonly mimeType: string | undefined;
  readonly fileName: string | undefined;
  readonly bytes: Buffer;
}

export class MemoryNode implements Api, ContentApi {
  readonly files = new Map<string, MemoryFile>();
  readonly uploads: Upload[] = [];
  /** What was asked of the node, in order. */
  readonly heard: string[] = [];
  /** Emits `closed` when a file is let go of and `uploadFailed` with the error of an upload. */
  readonly events = new EventEmitter();
  pieceBytes = 16_384;
  pulledBytes = 0;
  /** What the next calls fail with. */
  failure: UserError | undefined;
  status: Result<'node.status'> = {
    sentence: 'Connected to 5 strangers.',
    warnings: [],
    uptimeSeconds: 60,
    peers: { connected: 5, known: 12 },
    anonymity: {
      level: 'reduced',
      reasons: ['no_friends'],
      sentence: 'Reduced: settled guard, 4 nodes ask through this one.',
      guard: 'settled',
      stemIns: 4,
    },
    requests: { pending: 0 },
    jobs: { running: 0 },
    store: { storeBlocks: 3, cacheBlocks: 4, usedBytes: 1_610_612_736, limitBytes: 10_737_418_240 },
  };

  async call<M extends Parameters<Api['call']>[0]>(name: M): Promise<Result<M>> {
    this.heard.push(name);
    if (this.failure) throw this.failure;
    if (name !== 'node.status') throw new UserError('method_unknown', name);
    return this.status as Result<M>;
  }

  /** Puts a file under a key and returns the path at which a gateway shows it. */
  add(uri: string, file: MemoryFile): string {
    const canonical = formatUri(parseUri(uri));
    this.files.set(canonical, file);
    return `/${canonical}`;
  }

  async open(uri: string, { signal }: { signal: AbortSignal }): Promise<OpenedFile> {
    this.heard.push(`open ${uri}`);
    if (this.failure) throw this.failure;
    signal.throwIfAborted();
    const file = this.files.get(uri);
    if (!file) throw new UserError('data_not_found', `nothing lies under ${uri}`);
    const closed = new AbortController();
    return {
      mimeType: file.mimeType,
      sizeBytes: file.bytes.length,
      etag: createHash('sha256').update(file.bytes).digest('base64url'),
      read: (range) => this.#read(file, { ...range, closed: closed.signal }),
      close: () => {
        closed.abort();
        this.events.emit('closed');
      },
    };
  }

  async *#read(
    file: MemoryFile,
    { start, end, closed }: { start: number; end: number; closed: AbortSignal },
  ) {
    for (let at = start; at <= end && !closed.aborted; at += this.pieceBytes) {
      const until = Math.min(at + this.pieceBytes, end + 1);
      if (file.failsAt !== undefined && until > file.failsAt)
        throw new UserError('data_not_found', 'a block is missing');
      if (file.hangsAt !== undefined && until > file.hangsAt) await once(closed, 'abort');
      // Blocks arrive over a network: never two in one turn.
      await new Promise(setImmediate);
      this.pulledBytes += until - at;
      yield file.bytes.subarray(at, until);
    }
  }

  async upload(
    body: AsyncIterable<Uint8Array>,
    { signal, ...options }: { signal: AbortSignal } & Omit<Upload, 'bytes'>,
  ): Promise<Job> {
    this.heard.push('upload');
    try {
      if (this.failure) throw this.failure;
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      signal.throwIfAborted();
      const bytes = Buffer.concat(chunks);
      this.uploads.push({ ...options, bytes });
      return this.#inserted({ ...options, bytes });
    } catch (error) {
      this.events.emit('uploadFailed', error);
      throw error;
    }
  }

  #inserted({ key, bytes, mimeType = 'application/octet-stream', fileName }: Upload): Job {
    const hash = createHash('sha256').update(bytes).digest('base64url');
    const chk = `CHK@${hash},${hash},AQA${fileName === undefined ? '' : `/${encodeURIComponent(fileName)}`}`;
    const written = parseUri(key?.replace(/^ksk:/, 'KSK@') ?? chk);
    const uri = formatUri(requestUri(written) ?? written);
    this.files.set(uri, { bytes, mimeType });
    const blocks = { total: 1, required: 1, succeeded: 1, failed: 0, fatallyFailed: 0, finalizedTotal: true };
    return {
      id: '1',
      kind: 'put',
      state: 'finished',
      priority: 4,
      progress: { ...blocks, doneBytes: bytes.length },
      uri,
    };
  }
}
