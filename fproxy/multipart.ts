/**
 * The body of our own upload form, as browsers send it (RFC 7578): text fields, then one file, then the end.
 *
 * It is no parser for mail: no nested parts, no transfer encodings, no preamble, no other headers, no second file. What our form
 * does not send is refused.
 *
 * Invariants: text fields and headers are bounded before they are kept; of the file, one chunk at a time is in memory. The file's
 * bytes end without an error only when the closing delimiter and the end of the body followed them, so a cut upload is never a file.
 */
import { UserError } from '../client/index.ts';

export interface Form {
  readonly fields: ReadonlyMap<string, string>;
  readonly file: FormFile;
}

interface FormFile {
  /** As the browser wrote it; empty when no file was chosen. */
  readonly name: string;
  readonly mimeType: string | undefined;
  /** To be read once. @throws UserError usage when the form is cut or goes on after the file. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface FormShape {
  /** Names of the text fields, each at most once. */
  readonly texts: readonly string[];
  readonly fileField: string;
  readonly fieldBytes: number;
  readonly headBytes: number;
}

/** The boundary from a Content-Type of the form; undefined when it is another type or no boundary of RFC 2046. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const found = /^multipart\/form-data;\s*boundary=(?:"([^"]+)"|([^\s";,]+))\s*$/i.exec(contentType ?? '');
  const boundary = found?.[1] ?? found?.[2];
  return boundary !== undefined && /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary)
    ? boundary
    : undefined;
}

/** Reads up to where the file's bytes begin. @throws UserError usage, and what `body` throws */
export async function readForm(
  body: AsyncIterable<Uint8Array>,
  { boundary, shape }: { boundary: string; shape: FormShape },
): Promise<Form> {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const source = new Source(body);
  const fields = new Map<string, string>();
  if ((await source.upTo(delimiter, 0)).length > 0) throw malformed('does not begin with its boundary');
  for (;;) {
    if ((await source.take(2)) !== '\r\n') throw malformed('ends before its file');
    const head = parseHead((await source.upTo(HEAD_END, shape.headBytes)).toString('utf8'));
    if (head.field === shape.fileField && head.fileName !== undefined) {
      const file = { name: head.fileName, mimeType: head.mimeType, body: lastPart(source, delimiter) };
      return { fields, file };
    }
    if (head.fileName !== undefined || !shape.texts.includes(head.field) || fields.has(head.field)) {
      throw malformed(`has the field "${head.field}" where it does not belong`);
    }
    fields.set(head.field, (await source.upTo(delimiter, shape.fieldBytes)).toString('utf8'));
  }
}

const HEAD_END = Buffer.from('\r\n\r\n');

async function* lastPart(source: Source, delimiter: Buffer): AsyncGenerator<Uint8Array> {
  yield* source.streamTo(delimiter);
  if ((await source.take(2)) !== '--') throw malformed('goes on after its file');
  const rest = await source.take(3);
  if (rest !== '' && rest !== '\r\n') throw malformed('goes on after its end');
}

interface PartHead {
  readonly field: string;
  readonly fileName: string | undefined;
  readonly mimeType: string | undefined;
}

function parseHead(text: string): PartHead {
  const [, disposition, , type] =
    /^content-disposition: ([^\r\n]+)(\r\ncontent-type: ([^\r\n]+))?$/i.exec(text) ?? [];
  const [, field, , fileName] =
    /^form-data; name="([^"]*)"(; filename="([^"]*)")?$/.exec(disposition ?? '') ?? [];
  if (field === undefined) throw malformed('has a part whose headers are not those of a form');
  return { field, fileName: fileName === undefined ? undefined : unescaped(fileName), mimeType: type };
}

/** The three characters that browsers escape in a name (HTML, "multipart/form-data encoding algorithm"); no others are touched. */
function unescaped(name: string): string {
  return name.replace(/%0A|%0D/g, ' ').replaceAll('%22', '"');
}

/** The body, read by marks instead of by chunks. Holds what arrived and was not asked for yet: one chunk and a mark at most. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** The first delimiter lacks the line break that the others begin with: it is lent one. */
  #held: Buffer = Buffer.from('\r\n');

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#chunks = body[Symbol.asyncIterator]();
  }

  /** The bytes before `mark`, at most `mostBytes`; the mark is taken too. */
  async upTo(mark: Buffer, mostBytes: number): Promise<Buffer> {
    for (let from = 0; ;) {
      const at = this.#held.indexOf(mark, from);
      if (at > mostBytes || (at < 0 && this.#held.length >= mostBytes + mark.length))
        throw malformed('has an overlong field');
      if (at >= 0) {
        const before = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + mark.length);
        return before;
      }
      from = Math.max(0, this.#held.length - mark.length + 1);
      if (!(await this.#more())) throw malformed('ends in the middle');
    }
  }

  /** The bytes before `mark` as they come; the mark is taken too. */
  async *streamTo(mark: Buffer): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = this.#held.indexOf(mark);
      // The last bytes may be the beginning of the mark.
      const safe = at >= 0 ? at : Math.max(0, this.#held.length - mark.length + 1);
      const piece = this.#held.subarray(0, safe);
      this.#held = this.#held.subarray(at >= 0 ? at + mark.length : safe);
      if (piece.length > 0) yield piece;
      if (at >= 0) return;
      if (!(await this.#more())) throw malformed('ends in the middle of its file');
    }
  }

  /** The next `count` characters, fewer at the end. */
  async take(count: number): Promise<string> {
    while (this.#held.length < count && (await this.#more()));
    const taken = this.#held.subarray(0, count).toString('latin1');
    this.#held = this.#held.subarray(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#held = this.#held.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.#held, next.value]);
    return true;
  }
}

function malformed(what: string): UserError {
  return new UserError('bad_form', `the upload form ${what}`);
}
