/**
 * What a file says it is, as a header can carry it, and what a browser may show of it. The type comes from whoever inserted the
 * file, so it is foreign text.
 *
 * There is no guessing from names or from content: what has no valid type is bytes. No type of this list is one in which a
 * browser finds links, scripts or other files to load; that is the condition for being on it.
 */

/** What says nothing: a browser offers to save it. */
export const UNKNOWN_TYPE = 'application/octet-stream';

/** Types whose content cannot act. Everything else is saved, not shown (docs/spec/fproxy.md, 4). */
const INERT: ReadonlySet<string> = new Set([
  'text/plain',
  ...['png', 'jpeg', 'gif', 'webp', 'avif', 'bmp'].map((kind) => `image/${kind}`),
  ...['aac', 'flac', 'mp4', 'mpeg', 'ogg', 'opus', 'wav', 'webm'].map((kind) => `audio/${kind}`),
  ...['mp4', 'ogg', 'webm'].map((kind) => `video/${kind}`),
]);

export interface MimeType {
  /** Lower case, `type/subtype`. */
  readonly essence: string;
  /** The type as a header value: the essence, and a charset if text came with one. */
  readonly text: string;
}

/** Undefined when it is no type. Of the parameters only the charset of text is kept: the others are nobody's need here. */
export function parseMimeType(text: string): MimeType | undefined {
  const [first = '', ...parameters] = text.split(';');
  const essence = first.trim().toLowerCase();
  // The restricted names of RFC 6838, 4.2: no header can be injected with them.
  if (!/^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$/.test(essence)) return undefined;
  const charset = essence.startsWith('text/') ? charsetOf(parameters) : undefined;
  return { essence, text: charset === undefined ? essence : `${essence}; charset=${charset}` };
}

function charsetOf(parameters: readonly string[]): string | undefined {
  for (const parameter of parameters) {
    const found = /^\s*charset=("?)([a-z0-9._:+-]{1,40})\1\s*$/i.exec(parameter);
    if (found !== null) return found[2]?.toLowerCase();
  }
  return undefined;
}

export function showsSafely({ essence }: MimeType): boolean {
  return INERT.has(essence);
}

/** What a browser shows in a player, which fetches the address a second time from inside the page. */
export function plays({ essence }: MimeType): boolean {
  return INERT.has(essence) && /^(?:audio|video)\//.test(essence);
}
