/**
 * Markup that escapes: html`<p>${text}</p>`. Only this tag makes an `Html`, so text becomes markup nowhere else.
 *
 * It knows nothing of contexts: values stand in text or in double-quoted attributes, never in scripts, styles or bare
 * attributes, and an address in `href` is one that the caller built itself.
 *
 * Invariant: a value that is no `Html` adds no tag, no attribute and no entity to the page.
 */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type { Html };
export type HtmlValue = string | number | Html | readonly Html[];

export function html(pieces: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(pieces.map((piece, at) => piece + rendered(values[at])).join(''));
}

function rendered(value: HtmlValue | undefined): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map((each) => each.text).join('');
  return String(value).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
