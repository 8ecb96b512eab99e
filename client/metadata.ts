/**
 * What the top block of a file says: type, size, hash, and where the content is (docs/spec/files.md, 2 and 3). The codec is the
 * only place where the payload of a foreign block becomes a typed value.
 *
 * It deliberately does not look at the content and allocates nothing by a declared number: a declared size is compared with
 * the bytes that are there, or it is a limit for those who read on.
 *
 * Invariant: in metadata that came out of `decodeMetadata` all sizes agree with each other and with the number of keys, level by
 * level, so that reading needs no further check but that of each block's length.
 */
import { type CborValue, type CryptoKey, cryptoKey, decodeCbor, encodeCbor } from '../keys/index.ts';
import { KEY_BYTES, ParseError } from '../keys/index.ts';
import { dataBlocks, type Layout, type Level, listBytes } from './layout.ts';
import { clientLimits } from './limits.ts';

export interface Metadata {
  readonly mimeType: string;
  /** Of the plain content. */
  readonly sizeBytes: number;
  /** SHA-256 of the plain content. */
  readonly hash: Uint8Array;
  /** Length of the zstd form; undefined when the content is stored as it is. */
  readonly packedBytes: number | undefined;
  readonly body: Body;
}

/** The content as it is stored: in the top block itself, or in blocks of its own. */
export type Body = { readonly type: 'inline'; readonly data: Uint8Array } | Splitfile;

export interface Splitfile {
  readonly type: 'splitfile';
  /** Opens all blocks below the top one; undefined when the top block's key does. */
  readonly key: CryptoKey | undefined;
  /** The content first; each further level lists the keys of the one before. */
  readonly levels: readonly Level[];
  /** The keys of the last level. */
  readonly keys: Uint8Array;
}

const VERSION = 1;
const PACK = 'zstd';

/** RFC 9110, 8.3.1, in printable ASCII only: it becomes a header line. */
const MIME_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+( *;[\x20-\x7e]*)?$/;

export function isMimeType(text: string): boolean {
  return text.length <= clientLimits.mimeTypeBytes.value && MIME_TYPE.test(text);
}

export function encodeMetadata(metadata: Metadata): Uint8Array {
  const { mimeType, sizeBytes, hash, packedBytes, body } = metadata;
  return encodeCbor({
    v: VERSION,
    type: mimeType,
    size: sizeBytes,
    hash,
    ...(packedBytes === undefined ? {} : { pack: PACK, packed: packedBytes }),
    ...(body.type === 'inline' ? { data: body.data } : encodeSplitfile(body)),
  });
}

function encodeSplitfile({ key, levels, keys }: Splitfile): { [name: string]: CborValue } {
  let file: { [name: string]: CborValue } | undefined;
  for (const { sizeBytes, check } of levels.toReversed()) {
    file = { size: sizeBytes, check, ...(file === undefined ? { keys } : { list: file }) };
  }
  return { ...(key === undefined ? {} : { key }), ...(file === undefined ? {} : { file }) };
}

/** The byte strings of the result lie in `payload`. @throws ParseError bad_metadata */
export function decodeMetadata(payload: Uint8Array, layout: Layout): Metadata {
  const map = fields(parse(payload), { required: ['v', 'type', 'size', 'hash'] });
  // Before anything else: a newer version may mean anything by its fields.
  if (map.get('v') !== VERSION) fail(`a version other than ${VERSION}`);
  const packed = map.has('pack');
  const inline = map.has('data');
  only(map, [
    'v',
    'type',
    'size',
    'hash',
    ...(packed ? ['pack', 'packed'] : []),
    ...(inline ? ['data'] : map.has('key') ? ['key', 'file'] : ['file']),
  ]);

  const mimeType = map.get('type');
  if (typeof mimeType !== 'string' || !isMimeType(mimeType)) fail('the type is no MIME type');
  if (packed && map.get('pack') !== PACK) fail(`packed by something else than ${PACK}`);
  const sizeBytes = size(map.get('size'));
  const packedBytes = packed ? size(map.get('packed')) : undefined;
  const stored = packedBytes ?? sizeBytes;
  const hash = bytesOf(map.get('hash'), KEY_BYTES);
  const body: Body = inline
    ? { type: 'inline', data: bytesOf(map.get('data'), stored) }
    : {
        type: 'splitfile',
        key: map.has('key') ? cryptoKey(bytesOf(map.get('key'), KEY_BYTES)) : undefined,
        ...decodeSplitfile(map.get('file'), { stored, layout }),
      };
  return { mimeType, sizeBytes, hash, packedBytes, body };
}

/** The levels from the content down to the one whose keys are in the top block; each must have the size that the one before needs. */
function decodeSplitfile(
  file: CborValue | undefined,
  { stored, layout }: { stored: number; layout: Layout },
): { levels: Level[]; keys: Uint8Array } {
  const levels: Level[] = [];
  let needed = stored;
  let inner = file;
  for (;;) {
    if (levels.length === clientLimits.splitfileLevels.value) fail('more levels of keys than any file needs');
    const map = fields(inner, { required: ['size', 'check'] });
    const last = map.has('keys');
    only(map, ['size', 'check', last ? 'keys' : 'list']);
    const level = { sizeBytes: size(map.get('size')), check: checkBlocks(map.get('check')) };
    if (level.sizeBytes !== needed) fail(`a level of ${level.sizeBytes} bytes where ${needed} are needed`);
    if (dataBlocks(level, layout) === 0) fail('a splitfile of no blocks');
    levels.push(level);
    needed = listBytes(level, layout);
    if (last) return { levels, keys: bytesOf(map.get('keys'), needed) };
    inner = map.get('list');
  }
}

type Fields = ReadonlyMap<string, CborValue>;

function parse(payload: Uint8Array): CborValue {
  try {
    return decodeCbor(payload);
  } catch (error) {
    if (error instanceof ParseError) fail(error.message);
    throw error;
  }
}

function fields(value: CborValue | undefined, { required }: { required: readonly string[] }): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    fail('no map');
  const map: Fields = new Map(Object.entries(value));
  for (const name of required) if (!map.has(name)) fail(`no field ${name}`);
  return map;
}

/** A field that one reader ignores and another obeys would make two files of one: a new field is a new version. */
function only(map: Fields, names: readonly string[]): void {
  for (const name of names) if (!map.has(name)) fail(`no field ${name}`);
  for (const name of map.keys())
    if (!names.includes(name)) fail(`unknown field ${JSON.stringify(name.slice(0, 20))}`);
}

function size(value: CborValue | undefined): number {
  if (typeof value !== 'number' || value < 0) fail('a size is a count of bytes');
  if (value > clientLimits.fileBytes.value) fail(`a size of ${value} bytes, above the limit`);
  return value;
}

function checkBlocks(value: CborValue | undefined): number {
  if (typeof value !== 'number' || value < 0 || value > clientLimits.checkBlocksPerSegment.value) {
    fail('a number of check blocks that no segment has');
  }
  return value;
}

function bytesOf(value: CborValue | undefined, length: number): Uint8Array {
  if (!(value instanceof Uint8Array)) fail('no byte string where one must be');
  if (value.length !== length) fail(`a byte string of ${value.length} bytes where ${length} are needed`);
  return value;
}

function fail(message: string): never {
  throw new ParseError('bad_metadata', `metadata: ${message}`);
}
