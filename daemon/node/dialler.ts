/**
 * Keeps dialling the peers that have no link: the addresses one after the other, and after a failure again, later each time
 * (docs/spec/node.md, 5). It opens carriers and hands them over; sessions, and who gets a link, are links.ts.
 *
 * Invariants: a peer is dialled at most once at a time, and not at all while it has a link; with a proxy nothing is dialled past it.
 */
import { type Random, primitives, toText } from '../../keys/index.ts';
import { type Carrier, type CarrierListener, parseAddress } from '../../transport/index.ts';
import { DialError } from '../host/dial-error.ts';
import { dialSocks } from '../host/socks.ts';
import { dialTcp } from '../host/tcp.ts';
import { nodeLimits } from './limits.ts';
import type { KnownPeer } from './peer-book.ts';

export interface DiallerOptions {
  readonly random: Random;
  /** SOCKS5: every dial goes through it. Undefined: straight to the peers. */
  readonly proxy: { readonly host: string; readonly port: number } | undefined;
  /** Somebody to hear what the carrier says, made before there is one. */
  readonly prepare: (peer: KnownPeer) => Prepared;
  readonly isLinked: (identity: string) => boolean;
  /** Who is dialled again when it does not answer: undefined once nobody wants this peer any more, and of strangers. */
  readonly find: (identity: string) => KnownPeer | undefined;
  /** Asked for each host before it is dialled, and for the address that has answered before anything is sent there. */
  readonly mayDial?: (peer: KnownPeer, host: string) => boolean;
}

export interface Prepared extends CarrierListener {
  /** `host` is who has answered: an address, or what the proxy was asked for. */
  open(carrier: Carrier, host: string): void;
  /** No address answered; why not the last one. */
  dropped(reason: string): void;
}

/** How dialling one peer stands. */
interface Call {
  dialling: boolean;
  /** Ends with the dialler, and when the peer is forgotten. */
  readonly abort: AbortController;
  redial: NodeJS.Timeout | undefined;
  /** When that is, by the clock of this process. */
  redialAt: number;
  failures: number;
  lastFailure: string | undefined;
}

export interface CallState {
  readonly dialling: boolean;
  readonly lastFailure: string | undefined;
}

export class Dialler {
  readonly #options: DiallerOptions;
  readonly #calls = new Map<string, Call>();
  readonly #isolationKey: Uint8Array;
  #closed = false;

  constructor(options: DiallerOptions) {
    this.#options = options;
    this.#isolationKey = options.random.bytes(32);
  }

  /** Now, unless that is on or of no use. */
  dial(peer: KnownPeer): void {
    const call = this.#call(peer.identity);
    if (this.#closed || call.dialling || this.#options.isLinked(peer.identity)) return;
    clearTimeout(call.redial);
    call.redialAt = 0;
    call.dialling = true;
    void this.#tryAddresses(peer, call);
  }

  /** The peer has a link: the next failure is the first again. */
  linked(identity: string): void {
    const call = this.#call(identity);
    clearTimeout(call.redial);
    call.failures = 0;
    call.lastFailure = undefined;
    call.redialAt = 0;
  }

  /** A connection with the peer has ended; `own` if it was dialled here. */
  ended(identity: string, how: { reason: string; own: boolean }): void {
    const call = this.#call(identity);
    call.lastFailure = how.reason;
    if (how.own) call.dialling = false;
    this.#later(identity, call);
    this.#forgetStranger(identity, call);
  }

  forget(identity: string): void {
    const call = this.#calls.get(identity);
    clearTimeout(call?.redial);
    call?.abort.abort();
    this.#calls.delete(identity);
  }

  state(identity: string): CallState {
    const { dialling = false, lastFailure } = this.#calls.get(identity) ?? {};
    return { dialling, lastFailure };
  }

  /** The next planned try of all. */
  get nextTryMs(): number | undefined {
    const waits = [...this.#calls.values()].map(({ redialAt }) => redialAt - performance.now());
    const next = Math.min(...waits.filter((waitMs) => waitMs > 0));
    return Number.isFinite(next) ? next : undefined;
  }

  close(): void {
    this.#closed = true;
    for (const { redial, abort } of this.#calls.values()) {
      clearTimeout(redial);
      abort.abort();
    }
  }

  async #tryAddresses(peer: KnownPeer, call: Call): Promise<void> {
    const { signal } = call.abort;
    const prepared = this.#options.prepare(peer);
    for (const address of peer.reference.addresses) {
      if (signal.aborted) break;
      try {
        const { carrier, host } = await this.#open(address, { peer, listener: prepared, signal });
        if (signal.aborted) carrier.destroy();
        else prepared.open(carrier, host);
        return;
      } catch (error) {
        call.lastFailure = `${address}: ${reasonOf(error)}`;
      }
    }
    prepared.dropped(call.lastFailure ?? 'it has no address');
    call.dialling = false;
    if (signal.aborted) return;
    this.#later(peer.identity, call);
    this.#forgetStranger(peer.identity, call);
  }

  /** The only place that chooses between the two ways, and it does not try the one after the other. */
  async #open(
    address: string,
    { peer, ...rest }: { peer: KnownPeer; listener: CarrierListener; signal: AbortSignal },
  ): Promise<{ carrier: Carrier; host: string }> {
    const { proxy, mayDial = () => true } = this.#options;
    const to = { ...parseAddress(address), ...rest };
    if (!mayDial(peer, to.host)) throw notForStrangers();
    if (proxy !== undefined) {
      const carrier = await dialSocks({ ...to, ...this.#credentials(peer.identity), proxy });
      return { carrier, host: to.host };
    }
    const carrier = await dialTcp(to);
    const host = carrier.remoteHost ?? to.host;
    // A name may stand for any machine, this one included.
    if (mayDial(peer, host)) return { carrier, host };
    carrier.destroy();
    throw notForStrangers();
  }

  /**
   * Of one peer the same as long as this runs, of two peers different, so that Tor gives each its own circuits and no exit sees
   * who else is dialled. Keyed, so that the proxy learns no identity from them.
   */
  #credentials(identity: string): { user: string; password: string } {
    const data = Buffer.from(`mimeo/socks\0${identity}`);
    const mac = primitives.hmacSha256(this.#isolationKey, data);
    return { user: toText(mac.subarray(0, 16)), password: toText(mac.subarray(16)) };
  }

  #later(identity: string, call: Call): void {
    const peer = this.#options.find(identity);
    if (this.#closed || call.dialling || peer === undefined || peer.reference.addresses.length === 0) return;
    if (this.#options.isLinked(identity)) return;
    const { dialFirstMs, dialMostMs } = nodeLimits;
    const waitMs = Math.min(dialMostMs.value, dialFirstMs.value * 2 ** Math.min(call.failures, 16));
    call.failures += 1;
    const [jitter = 0] = this.#options.random.bytes(1);
    const jitteredMs = waitMs * (0.75 + jitter / 512);
    clearTimeout(call.redial);
    call.redialAt = performance.now() + jitteredMs;
    call.redial = setTimeout(() => this.dial(peer), jitteredMs);
  }

  /** Nobody asks any more how calling it went, and there is no end of strangers. */
  #forgetStranger(identity: string, call: Call): void {
    if (!call.dialling && this.#options.find(identity) === undefined) this.#calls.delete(identity);
  }

  #call(identity: string): Call {
    let call = this.#calls.get(identity);
    if (call === undefined) {
      call = {
        dialling: false,
        abort: new AbortController(),
        redial: undefined,
        redialAt: 0,
        failures: 0,
        lastFailure: undefined,
      };
      this.#calls.set(identity, call);
    }
    return call;
  }
}

function notForStrangers(): DialError {
  return new DialError('local_of_stranger', 'an address that a stranger can not send this node to');
}

function reasonOf(error: unknown): string {
  if (error instanceof DialError) return error.message;
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
