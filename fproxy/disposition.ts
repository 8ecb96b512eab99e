/**
 * The header by which a browser saves a file instead of showing it, with the name that the key carries (RFC 6266, RFC 8187).
 * The name comes from whoever made the key: it must not leave its header, its folder or its place on the screen.
 */

/** What has a meaning in paths, shells or quoted strings, what is invisible, and what turns the direction of reading (`gpj.exe`). */
// eslint-disable-next-line no-control-regex -- finding control characters is the purpose
const UNSAFE = /[\u0000-\u001f\u007f-\u009f"*/:<>?\\|]|\p{Bidi_Control}|\p{Default_Ignorable_Code_Point}/gu;

export function attachment(name: string | undefined, mostBytes: number): string {
  const safe = name === undefined ? '' : safeFileName(name, mostBytes);
  if (safe === '') return 'attachment';
  const ascii = safe.replace(/[^\x20-\x7e]|%/gu, '_');
  return ascii === safe
    ? `attachment; filename="${ascii}"`
    : `attachment; filename="${ascii}"; filename*=UTF-8''${extendedValue(safe)}`;
}

/** One segment of a path that hides nothing; its end, which has the extension, is kept when it is too long. */
export function safeFileName(name: string, mostBytes: number): string {
  const clean = name.toWellFormed().replace(UNSAFE, '_');
  // A cut through a character leaves replacement characters at the front.
  const end = Buffer.from(clean)
    .subarray(-mostBytes)
    .toString()
    .replace(/^\ufffd+/, '');
  return end.replace(/^[. ]+/, '').replace(/[. ]+$/, '');
}

/** `ext-value` of RFC 8187: encodeURIComponent leaves four characters that are no `attr-char`. */
function extendedValue(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
