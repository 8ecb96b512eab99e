/** One request being answered, and what the handlers share. It carries no state of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Api, ContentApi } from '../client/index.ts';
import type { Bounds } from './limits.ts';

/** The node as this room sees it. */
export interface Gateway {
  readonly api: Api;
  readonly content: ContentApi;
  /** Proves that a form came from a page of this run of the gateway; other sites cannot read our pages. */
  readonly formToken: string;
  readonly bounds: Bounds;
}

export interface Exchange {
  readonly gateway: Gateway;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** `http://` and the Host that was asked; the guard has found it on its list. */
  readonly origin: string;
  /** Path and query as they stand in the request line; begins with `/`. */
  readonly target: string;
  /** Aborted when the connection is gone. From then on nothing more is written. */
  readonly gone: AbortSignal;
  /** `early`: the client holds the body back until it is told to go on. */
  readonly body: 'sent' | 'early';
}

/** Waits until the reader has taken what was written. Returns too when it is gone, and disconnects one that takes nothing. */
export async function taken({ response, gone, gateway }: Exchange, event: 'drain' | 'finish'): Promise<void> {
  const pending = event === 'drain' ? response.writableNeedDrain : !response.writableFinished;
  if (!pending || gone.aborted) return;
  await new Promise<void>((resolve) => {
    const stalled = setTimeout(() => response.destroy(), gateway.bounds.stallMs);
    const done = () => {
      clearTimeout(stalled);
      response.off(event, done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    response.once(event, done);
    gone.addEventListener('abort', done);
  });
}
