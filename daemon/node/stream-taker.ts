/**
 * A download's reader on the other side of a pipe (the `Taker` of daemon/node/sink.ts): chunk by chunk, and the next one is taken
 * when the reader asks for it, so that a slow reader holds one chunk and no more.
 */
import type { UserError } from '../../client/index.ts';
import type { Taker } from './sink.ts';

export class StreamTaker implements Taker {
  #offered: { readonly bytes: Uint8Array; readonly taken: () => void } | undefined;
  #wanted: (() => void) | undefined;
  #end: { readonly failure: UserError | undefined } | undefined;

  take(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#offered = { bytes, taken: resolve };
      this.#wanted?.();
    });
  }

  finish(failure?: UserError): void {
    this.#end ??= { failure };
    this.#wanted?.();
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      while (this.#offered === undefined && this.#end === undefined) {
        await new Promise<void>((resolve) => {
          this.#wanted = resolve;
        });
      }
      this.#wanted = undefined;
      const offered = this.#offered;
      if (offered !== undefined) {
        this.#offered = undefined;
        yield offered.bytes;
        // Only when the reader comes back has it taken the chunk.
        offered.taken();
      } else {
        if (this.#end?.failure !== undefined) throw this.#end.failure;
        return;
      }
    }
  }
}
