/**
 * The methods as the web interface may call them: all but those over the secrets themselves, so that no page and no hole in one
 * destroys or unlocks anything; and none of a node that is locked, so that every page says so.
 */
import { UserError, type Api, type MethodName, type Params, type Result } from '../../client/index.ts';

const KEPT_FROM_THE_WEB: readonly MethodName[] = ['node.panic', 'node.unlock', 'key.passphrase'];

export class WebApi implements Api {
  readonly #process: Api;
  /** Throws while there is no node. */
  readonly #assertOpen: () => void;

  constructor(process: Api, options: { assertOpen: () => void }) {
    this.#process = process;
    this.#assertOpen = options.assertOpen;
  }

  async call<M extends MethodName>(name: M, params: Params<M>): Promise<Result<M>> {
    if (KEPT_FROM_THE_WEB.includes(name))
      throw new UserError('method_unknown', `${name} is not done from the web interface`);
    this.#assertOpen();
    return this.#process.call(name, params);
  }
}
