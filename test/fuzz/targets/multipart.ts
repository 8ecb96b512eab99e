/**
 * fproxy/multipart.ts. The first line of an input is the Content-Type, the rest the body. Promises: what comes out does not depend
 * on how the body is cut; the file's bytes stand in the body just before a closing delimiter that ends it, so a cut upload is never
 * a file; fields are within their limits.
 */
import { isDeepStrictEqual } from 'node:util';
import { boundaryOf, readForm, type FormShape } from '../../../fproxy/multipart.ts';
import { SeededRandom } from '../../sim/random.ts';
import { editText } from '../edits/text.ts';
import { accepted, ensure, pick, refusal, type Answer, type Target } from '../target.ts';

const SHAPE: FormShape = {
  texts: ['token', 'key', 'named'],
  fileField: 'file',
  fieldBytes: 40,
  headBytes: 120,
};
const BOUNDARIES = ['b', '----WebKitFormBoundary7MA4YWxk', '--'];

export const multipart: Target = {
  name: 'multipart',
  promise: 'a form is the same however it is cut, and a cut upload is never a file',
  mostBytes: 1_500,
  edits: [editText],
  words: [
    '\r\n',
    '\r\n\r\n',
    '--b',
    '\r\n--b',
    '\r\n--b--',
    '\r\n--b--\r\n',
    '"',
    '%22',
    '%0D%0A',
    'Content-Disposition: form-data; name="key"',
    '; filename="f"',
    'Content-Type: a/b',
    'boundary=',
  ],
  sample: (random) => {
    const boundary = pick(BOUNDARIES, random);
    const part = (head: string, value: string) =>
      `--${boundary}\r\nContent-Disposition: form-data; name=${head}\r\n\r\n${value}\r\n`;
    const fields = ['token', 'key', 'named'].filter(() => random.below(2) === 0);
    const name = pick(['f.txt', '', 'a%22b', 'é', 'x'.repeat(50)], random);
    const type = random.below(2) === 0 ? '' : '\r\nContent-Type: text/plain';
    const content = pick(['', 'x', '\r\n', '\r\n--', '\r\n-', 'y'.repeat(random.below(200))], random);
    const parts = fields.map((field) => part(`"${field}"`, 'v'.repeat(random.below(42))));
    const file = part(`"file"; filename="${name}"${type}`, content);
    const end = pick(['--', '--\r\n'], random);
    const header = `multipart/form-data; boundary=${pick([boundary, `"${boundary}"`], random)}`;
    return Buffer.from(`${header}\n${parts.join('')}${file}--${boundary}${end}`);
  },
  run: async (input) => {
    const bytes = Buffer.from(input);
    const lineEnd = bytes.indexOf('\n');
    const boundary = boundaryOf(bytes.toString('utf8', 0, Math.max(0, lineEnd)));
    if (boundary === undefined) return { type: 'refused', shape: 'boundary' };
    ensure(/^[\x20-\x7e]{1,70}$/.test(boundary), 'a boundary of RFC 2046');
    const body = bytes.subarray(lineEnd + 1);
    const [whole, cut] = [await read([body], boundary), await read(pieces(body), boundary)];
    ensure(isDeepStrictEqual(outcome(cut), outcome(whole)), 'the same form however it is cut');
    if (whole.type !== 'form') return whole.refusal;
    return checkForm(whole, { body, boundary });
  },
};

interface ReadForm {
  readonly type: 'form';
  readonly fields: ReadonlyMap<string, string>;
  readonly name: string;
  readonly mimeType: string | undefined;
  readonly file: Buffer;
}

type Result = ReadForm | { readonly type: 'refused'; readonly refusal: Answer };

async function read(chunks: readonly Buffer[], boundary: string): Promise<Result> {
  try {
    const { fields, file } = await readForm(streamOf(chunks), { boundary, shape: SHAPE });
    const content: Uint8Array[] = [];
    for await (const chunk of file.body) content.push(chunk);
    const { name, mimeType } = file;
    return { type: 'form', fields, name, mimeType, file: Buffer.concat(content) };
  } catch (error) {
    return { type: 'refused', refusal: refusal(error, ['bad_form']) };
  }
}

/** One byte off a limit, whether a field is too long or the body ended is told by what arrived first. */
function outcome(result: Result): unknown {
  return result.type === 'form' ? result : 'refused';
}

function checkForm(
  { fields, file, name, mimeType }: ReadForm,
  { body, boundary }: { body: Buffer; boundary: string },
) {
  const delimiter = `\r\n--${boundary}`;
  const ends = [`${delimiter}--`, `${delimiter}--\r\n`].map((end) =>
    Buffer.concat([file, Buffer.from(end, 'latin1')]),
  );
  const end = ends.find((end) => body.length >= end.length && body.subarray(-end.length).equals(end));
  ensure(end !== undefined, 'the file ends with the body, at its closing delimiter');
  ensure(file.indexOf(Buffer.from(delimiter, 'latin1')) < 0, 'the first delimiter ends the file');
  for (const [field, value] of fields) {
    ensure(SHAPE.texts.includes(field), 'fields of the form');
    // A byte that is no UTF-8 becomes a character of three.
    ensure(value.length <= SHAPE.fieldBytes, 'the limit of a field');
  }
  ensure(name.length <= SHAPE.headBytes && !/[\r\n]/.test(name), 'a file name of one line');
  ensure(mimeType === undefined || !/[\r\n]/.test(mimeType), 'a type of one line');
  return accepted(
    `${[...fields.keys()].join()} ${name === ''} ${mimeType === undefined} ${Math.min(2, file.length)}`,
  );
}

/** Cut in another way for every length of body. */
function pieces(body: Buffer): Buffer[] {
  const random = new SeededRandom(body.length);
  const most = pick([1, 3, 40], random);
  const all: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const size = 1 + random.below(most);
    all.push(body.subarray(at, at + size));
    at += size;
  }
  return all;
}

async function* streamOf(chunks: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
