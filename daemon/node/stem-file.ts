/**
 * What the stem must not forget over a restart, in a sealed file (docs/spec/stem.md, 8): whoever could make a node forget its guards
 * would make it draw new ones. It knows nothing of guards and decides nothing; the state is the router's.
 *
 * Invariant: one write at a time, and the newest state wins. A file that is damaged is refused and never taken for none: a node that
 * begins anew draws anew.
 */
import {
  type CborValue,
  ParseError,
  type Random,
  decodeCbor,
  encodeCbor,
  keyLimits,
} from '../../keys/index.ts';
import { UserError } from '../../client/index.ts';
import { type KeptGuard, type StemState, stemLimits } from '../../routing/index.ts';
import { SealedFile } from './sealed-file.ts';

const FORMAT = 1;
const SECRET_BYTES = 32;

type Fields = { readonly [key: string]: CborValue };

export class StemFile {
  readonly #file: SealedFile;
  #writing: Promise<void> = Promise.resolve();
  /** As it was when the file was opened; undefined where there was none. */
  readonly kept: StemState | undefined;

  /** @throws UserError state_damaged, data_dir_format, disk_failed */
  constructor(options: { path: string; key: Uint8Array; random: Random }) {
    this.#file = SealedFile.open({ ...options, name: 'stem' });
    this.kept = restore(this.#file);
  }

  /** @throws UserError disk_full, disk_failed: the old file stands, and this run goes on with what it knows */
  remember(state: StemState): Promise<void> {
    const written = this.#file.save(encodeCbor(encoded(state)));
    this.#writing = written.catch(() => {});
    return written;
  }

  /** When nothing is being written any more, whatever came of it. */
  settled(): Promise<void> {
    return this.#writing;
  }
}

/** Lists are cut to what their limits let the router have, so that what is written here can be read again. */
function encoded({ secret, guards, draws, places, connected, loops }: StemState): Fields {
  return {
    v: FORMAT,
    secret,
    guards: guards.map(encodedGuard),
    draws: draws.map(Math.round),
    places: places
      .slice(0, stemLimits.stemPlaces.value)
      .map(({ identity, group, seenAt }) => [identity, group, Math.round(seenAt)]),
    connected: connected
      .slice(0, stemLimits.connectedKept.value)
      .map(({ identity, ms }) => [identity, Math.round(ms)]),
    loops: loops.slice(0, stemLimits.loopsKept.value),
  };
}

function encodedGuard({ identity, group, reference, kind, isProvisional, ...times }: KeptGuard): Fields {
  return {
    id: identity,
    group,
    ...(reference === undefined ? {} : { ref: reference }),
    kind,
    provisional: isProvisional,
    drawn: Math.round(times.drawnAt),
    ends: Math.round(times.endsAt),
    seen: Math.round(times.seenAt),
  };
}

/** @throws UserError state_damaged */
function restore({ content, path }: SealedFile): StemState | undefined {
  try {
    return content === undefined ? undefined : decode(content);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new UserError('state_damaged', `${path} opens and is not what the stem has written`, {
      cause: error,
    });
  }
}

/** @throws ParseError bad_cbor */
function decode(content: Uint8Array): StemState {
  const all = fields(decodeCbor(content, { items: keyLimits.cborItems.value }));
  if (all['v'] !== FORMAT) throw bad('another version');
  const secret = bytes(all['secret']);
  if (secret.length !== SECRET_BYTES) throw bad('a secret of another length');
  return {
    secret,
    guards: list(all['guards']).map(decodeGuard),
    draws: list(all['draws']).map(time),
    places: list(all['places']).map((entry) => {
      const [identity, group, seenAt] = list(entry);
      return { identity: text(identity), group: text(group), seenAt: time(seenAt) };
    }),
    connected: list(all['connected']).map((entry) => {
      const [identity, ms] = pair(entry);
      return { identity, ms };
    }),
    loops: list(all['loops']).map(text),
  };
}

function decodeGuard(value: CborValue): KeptGuard {
  const { id, group, ref, kind, provisional, drawn, ends, seen } = fields(value);
  if ((kind !== 'friend' && kind !== 'other') || typeof provisional !== 'boolean') throw bad('no guard');
  return {
    identity: text(id),
    group: text(group),
    reference: ref === undefined ? undefined : bytes(ref),
    kind,
    isProvisional: provisional,
    drawnAt: time(drawn),
    endsAt: time(ends),
    seenAt: time(seen),
  };
}

function fields(value: CborValue): { readonly [key: string]: CborValue | undefined } {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw bad('no map');
  return value as Fields;
}

function list(value: CborValue | undefined): readonly CborValue[] {
  if (!Array.isArray(value)) throw bad('no list');
  return value as readonly CborValue[];
}

function pair(value: CborValue): [string, number] {
  const [identity, number] = list(value);
  return [text(identity), time(number)];
}

function text(value: CborValue | undefined): string {
  if (typeof value !== 'string' || value === '') throw bad('no text');
  return value;
}

function time(value: CborValue | undefined): number {
  if (typeof value !== 'number' || value < 0) throw bad('no time');
  return value;
}

/** What was decoded lies in the input. */
function bytes(value: CborValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw bad('no bytes');
  return Uint8Array.from(value);
}

function bad(what: string): ParseError {
  return new ParseError('bad_cbor', what);
}
