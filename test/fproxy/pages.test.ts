/** The pages: what they say, that nothing foreign becomes markup in them, and that they can be read. */
import * as fc from 'fast-check';
import t from 'tap';
import { html } from '../../fproxy/html.ts';
import { sizeText } from '../../fproxy/pages.ts';
import { style } from '../../fproxy/style.ts';
import { ask, ownNavigation, startWeb } from './web.ts';

t.test('the home page says what the node says', async (t) => {
  const web = await startWeb(t);
  web.node.status = { ...web.node.status, warnings: ['reduced anonymity: <provisional> guards'] };
  const { status, text, headers } = await ask(web, { path: '/', headers: ownNavigation });
  t.equal(status, 200);
  t.equal(headers['content-type'], 'text/html; charset=utf-8');
  t.match(text, '<h1>Connected to 5 strangers.</h1>');
  t.match(text, '<p class="warn">reduced anonymity: &#60;provisional&#62; guards</p>');
  t.match(text, /5 of 12 known/);
  t.match(text, '<td>Reduced: settled guard, 4 nodes ask through this one.</td>');
  t.match(text, /1\.5 GiB of 10 GiB used/);
  t.match(text, '<form action="/fetch" method="get">');
  t.match(text, /<form action="\/upload" method="post" enctype="multipart\/form-data"/);
  t.same(web.node.heard, ['node.status']);
});

t.test('our pages load one stylesheet, run nothing and are shown in no frame', async (t) => {
  const web = await startWeb(t);
  for (const path of ['/', '/nothing']) {
    const { text, headers } = await ask(web, { path, headers: ownNavigation });
    t.equal(
      headers['content-security-policy'],
      "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    t.equal(headers['cross-origin-opener-policy'], 'same-origin');
    t.equal(
      headers['referrer-policy'],
      'same-origin',
      'with no-referrer the form would come from Origin: null',
    );
    t.notMatch(text, /<script|<img|<iframe|<style|\bon[a-z]+=|javascript:/i);
    t.match(text, '<link rel="stylesheet" href="/style.css" />');
  }
  const sheet = await ask(web, { path: '/style.css' });
  t.equal(sheet.headers['content-type'], 'text/css; charset=utf-8');
  t.equal(sheet.text, style);
  t.notMatch(style, /url\(|@import|https?:/);
  t.equal((await ask(web, { path: '/favicon.ico' })).status, 204);
});

t.test('no text becomes markup', (t) => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const page = html`<p title="${text}">${text}</p>`.text;
      const inside = page.slice('<p title="'.length, -'</p>'.length);
      t.notMatch(inside.replace('">', ''), /[<>"']/);
      const back = inside.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
      t.equal(back, `${text}">${text}`);
    }),
  );
  t.equal(html`<b>${[html`<i>${1}</i>`, html`<i>${'&'}</i>`]}</b>`.text, '<b><i>1</i><i>&#38;</i></b>');
  t.end();
});

t.test('sizes are short and carry their unit', (t) => {
  const sizes = [0, 1, 1_023, 1_024, 1_536, 10_240, 52_428_800, 1_610_612_736, 2 ** 60].map(sizeText);
  t.same(sizes, ['0 B', '1 B', '1023 B', '1.0 KiB', '1.5 KiB', '10 KiB', '50 MiB', '1.5 GiB', '1048576 TiB']);
  t.end();
});

/** Contrast ratio of WCAG 2.2. */
function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [one, other].map(luminance).sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

t.test('all text stands out from its paper by 4.5 : 1, by day and by night', (t) => {
  t.equal(contrast('#000000', '#ffffff').toFixed(1), '21.0', 'the measure itself');
  const sheets = style.split('@media (prefers-color-scheme: dark)');
  t.equal(sheets.length, 2);
  for (const sheet of sheets) {
    const colours = new Map(
      [...sheet.matchAll(/--([a-z]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]),
    );
    const paper = colours.get('paper') ?? '';
    for (const name of ['ink', 'stencil', 'faded', 'warn', 'bad']) {
      const ratio = contrast(colours.get(name) ?? paper, paper);
      t.ok(ratio >= 4.5, `${name} on ${paper}: ${ratio.toFixed(2)}`);
    }
  }
  t.end();
});
