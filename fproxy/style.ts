/**
 * The one stylesheet: stencil ink on cheap paper, light and dark. No images, no fonts to load, nothing that moves.
 * Every colour of text stands as a variable, where the test of contrast (4.5 : 1 and more) finds it.
 */
export const style = `:root {
  color-scheme: light dark;
  --paper: #faf7f0;
  --ink: #2b2440;
  --stencil: #5a3fa0;
  --faded: #6f6884;
  --rule: #d9d2c3;
  --warn: #8a5a00;
  --bad: #9c2f2f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171420;
    --ink: #e9e4f2;
    --stencil: #b39cf0;
    --faded: #a79fbd;
    --rule: #3a3450;
    --warn: #e0b060;
    --bad: #f09090;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto;
  padding: 1.5rem 1.25rem 4rem;
  max-width: 66ch;
  background: var(--paper);
  color: var(--ink);
  font: 1.0625rem/1.55 Charter, "Bitstream Charter", "Iowan Old Style", Georgia, serif;
  font-variant-numeric: tabular-nums;
}
h1, h2, header, label, button, code, th {
  font-family: ui-monospace, "Courier Prime", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
header { margin-bottom: 2rem; border-bottom: 2px solid var(--rule); padding-bottom: .5rem; letter-spacing: .08em; }
header a { text-decoration: none; }
h1 { font-size: 1.35rem; font-weight: normal; margin: 0 0 1rem; }
h2 { font-size: 1.05rem; font-weight: normal; margin: 2.5rem 0 .75rem; }
a { color: var(--stencil); }
code { font-size: .85em; overflow-wrap: anywhere; }
small, .faded { color: var(--faded); }
.warn { color: var(--warn); border-left: 3px solid; padding-left: .75rem; }
.bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem .3rem 0; border-bottom: 1px solid var(--rule); }
th { font-size: .9rem; font-weight: normal; color: var(--faded); }
label { display: block; font-size: .9rem; margin-top: .75rem; }
input[type="text"] {
  width: 100%;
  padding: .45rem .5rem;
  font: inherit;
  color: inherit;
  background: transparent;
  border: 1px solid var(--faded);
}
input[type="file"] { max-width: 100%; font: inherit; }
button {
  margin-top: .9rem;
  padding: .45rem 1.1rem;
  font-size: .95rem;
  color: var(--paper);
  background: var(--stencil);
  border: 0;
  cursor: pointer;
}
:focus-visible { outline: 3px solid var(--stencil); outline-offset: 2px; }
`;
