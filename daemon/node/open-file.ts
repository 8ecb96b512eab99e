/**
 * A fetch that somebody reads as a stream while its blocks arrive: the proxy's. It is no job: nothing of it is left when the
 * reader has gone.
 *
 * Invariant: a stream that ends has given the whole range; one that can't throws.
 */
import { type Random, primitives, toText } from '../../keys/index.ts';
import { Getter, type OpenedContent, type OpenedFile, UserError, outcomeError } from '../../client/index.ts';
import { MachineRun } from './machine-run.ts';
import type { Network } from './client-cache.ts';
import { Sink } from './sink.ts';
import { StreamTaker } from './stream-taker.ts';
import { getTarget } from './targets.ts';

/** Resolves when the metadata is there. @throws UserError or ParseError */
export async function openFile(
  uri: string,
  { network, random, signal }: { network: Network; random: Random; signal: AbortSignal },
): Promise<OpenedFile> {
  const target = await getTarget(uri)();
  if (signal.aborted) throw new UserError('cancelled', 'the reader has gone');
  const opened = Promise.withResolvers<OpenedContent>();
  const taker = new StreamTaker();
  const run = new MachineRun(new Getter({ uri, target, random }), {
    network,
    priority: 'realtime',
    onOpened: opened.resolve,
  });
  const cancel = (): void => run.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  void run.run().then((outcome) => {
    signal.removeEventListener('abort', cancel);
    const failure = outcomeError(outcome);
    // Of the two only one still has a listener.
    if (failure !== undefined) opened.reject(failure);
    taker.finish(failure);
  });
  const file = await opened.promise;
  return {
    mimeType: file.mimeType,
    sizeBytes: file.sizeBytes,
    etag: toText(primitives.sha256(Buffer.from('mimeo/etag'), file.hash)).slice(0, 22),
    read: ({ start, end }) => {
      const range = { offsetBytes: start, sizeBytes: end + 1 - start };
      run.read(range, new Sink(taker, file, range));
      return taker.read();
    },
    close: cancel,
  };
}
