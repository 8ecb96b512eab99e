/**
 * The frame of every page and the small pages: an error, the question to a person whom another site sent here, an insert done.
 * Pure: values in, markup out. No scripts, no images, one stylesheet.
 */
import { html, type Html } from './html.ts';

export function layout({ title, body }: { title: string; body: Html }): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <header><a href="/">mimeo</a></header>
        <main>${body}</main>
      </body>
    </html> `;
}

export function errorPage({ code, message, hint }: { code: string; message: string; hint: string }): Html {
  return layout({
    title: `mimeo: ${code}`,
    body: html`<h1 class="bad">${message}</h1>
      <p>${hint}</p>
      <p class="faded"><code>${code}</code></p>`,
  });
}

/** The address is built on our own origin: a target like `//elsewhere/` alone would lead away. */
export function confirmPage({ origin, target }: { origin: string; target: string }): Html {
  return layout({
    title: 'mimeo: another site sent you here',
    body: html`<h1>Another site sent you here</h1>
      <p>It wants this node to open:</p>
      <p><code>${target}</code></p>
      <p>
        Nothing has been fetched. The site that sent you may have chosen this address for you alone, to learn
        whether you open it.
      </p>
      <p><a href="${origin}${target}">Open it</a></p>`,
  });
}

export function insertedPage(uri: string): Html {
  return layout({
    title: 'mimeo: inserted',
    body: html`<h1>Inserted</h1>
      <p>Whoever has this key can read the file:</p>
      <p>
        <a href="/${uri}"><code>${uri}</code></a>
      </p>
      <p><a href="/">Back</a></p>`,
  });
}

/** Binary units with one place below ten: `50 MiB`, `1.5 GiB`. */
export function sizeText(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.max(Math.floor(Math.log2(sizeBytes) / 10), 0), units.length - 1);
  const value = sizeBytes / 1024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : value.toFixed(0)} ${units[power] ?? ''}`;
}
