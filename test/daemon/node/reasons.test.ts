/** Why nobody answers, in words. */
import t from 'tap';
import { whyInWords } from '../../../daemon/node/reasons.ts';

void t.test('codes get words, and an address in front of them stays apart', async (t) => {
  for (const [reason, address, words] of [
    ['198.51.100.7:2: ECONNREFUSED', '198.51.100.7:2', /^connection refused/],
    ['[2001:db8::1]:2: ENETUNREACH', '[2001:db8::1]:2', /online/],
    ['name.example:99: ENOTFOUND', 'name.example:99', /^the name is not known/],
    ['abc.onion:1: onion addresses: set socks.proxy', 'abc.onion:1', /^onion addresses: set socks.proxy$/],
    ['silent', undefined, /^it has fallen silent$/],
    ['the proxy refused: silent', undefined, /^the proxy refused: silent$/],
    ['toString', undefined, /^toString$/],
    ['', undefined, /^$/],
  ] as const) {
    const why = whyInWords(reason, 'stranger');
    t.equal(why.address, address, reason);
    t.match(why.words, words);
  }
});

void t.test('what no reply may mean depends on what the node is to this one', async (t) => {
  for (const [relation, words] of [
    ['invited', /invite was used/],
    ['friend', /has removed this node/],
    ['named', /has not added this node/],
    ['stranger', /is full/],
  ] as const) {
    t.match(whyInWords('handshake_timeout', relation).words, words);
    t.match(
      whyInWords('handshake_timeout', relation).words,
      /out of date, or one of the two clocks is wrong$/,
    );
    t.match(whyInWords('bad_reply', relation).words, /^what answers there is /);
  }
});
