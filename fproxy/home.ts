/**
 * The first page: what the node does, in its own sentence, a box to fetch with and a form to insert with. It says what
 * `node.status` says and adds no judgement of its own.
 */
import type { Result } from '../client/index.ts';
import type { Exchange } from './exchange.ts';
import { html, type Html } from './html.ts';
import { layout, sizeText } from './pages.ts';
import { sendPage } from './respond.ts';

export async function home(exchange: Exchange): Promise<void> {
  const { api, formToken } = exchange.gateway;
  sendPage(exchange, 200, homePage({ status: await api.call('node.status', {}), formToken }));
}

function homePage({ status, formToken }: { status: Result<'node.status'>; formToken: string }): Html {
  return layout({
    title: 'mimeo',
    body: html`<h1>${status.sentence}</h1>
      ${status.warnings.map((warning) => html`<p class="warn">${warning}</p>`)} ${fetchBox()}
      ${uploadForm(formToken)} ${figures(status)}`,
  });
}

function fetchBox(): Html {
  return html`<h2>Fetch</h2>
    <form action="/fetch" method="get">
      <label for="fetch-key">Key</label>
      <input
        id="fetch-key"
        name="key"
        type="text"
        required
        autocomplete="off"
        autocapitalize="off"
        spellcheck="false"
        placeholder="CHK@…, SSK@… or KSK@…"
      />
      <button>Fetch</button>
    </form>`;
}

/** The order of the fields is what the parser of the form accepts: the token first, the file last. */
function uploadForm(formToken: string): Html {
  return html`<h2>Insert a file</h2>
    <form action="/upload" method="post" enctype="multipart/form-data" autocomplete="off">
      <input type="hidden" name="token" value="${formToken}" />
      <label for="insert-key">Key (empty for a CHK)</label>
      <input
        id="insert-key"
        name="key"
        type="text"
        autocapitalize="off"
        spellcheck="false"
        placeholder="ksk:word or ssk:name/document"
      />
      <label><input name="named" type="checkbox" value="yes" /> Put the file's name into the key</label>
      <label for="insert-file">File</label>
      <input id="insert-file" name="file" type="file" required />
      <p class="faded">
        What is inserted can't be withdrawn. Documents and photos carry names and places inside them: remove
        those first.
      </p>
      <button>Insert</button>
    </form>`;
}

function figures({ peers, joining, anonymity, store, requests, jobs }: Result<'node.status'>): Html {
  return html`<h2>Now</h2>
    <table>
      <tr>
        <th scope="row">Peers connected</th>
        <td>${peers.connected} of ${peers.known} known</td>
      </tr>
      ${
        joining === undefined
          ? ''
          : html`<tr>
              <th scope="row">Strangers</th>
              <td>${joining.sentence}</td>
            </tr>`
      }
      ${
        anonymity === undefined
          ? ''
          : html`<tr>
              <th scope="row">Anonymity</th>
              <td>${anonymity.sentence}</td>
            </tr>`
      }
      <tr>
        <th scope="row">Store</th>
        <td>${sizeText(store.usedBytes)} of ${sizeText(store.limitBytes)} used</td>
      </tr>
      <tr>
        <th scope="row">Blocks kept</th>
        <td>${store.storeBlocks} stored, ${store.cacheBlocks} cached</td>
      </tr>
      <tr>
        <th scope="row">Work</th>
        <td>${requests.pending} requests, ${jobs.running} jobs</td>
      </tr>
    </table>`;
}
