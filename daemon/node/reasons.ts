/**
 * Why a call came to nothing or a link has ended, in the words of a person (docs/spec/node.md, 10): what the system, a proxy or the
 * session calls it says little to who reads `mimeo status`. What has no words here stays as it is.
 */

/** What this node is to whoever was called. `invited`: by a line that was pasted here, and not answered yet. */
export type Relation = 'invited' | 'friend' | 'named' | 'stranger';

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: it is off, or elsewhere by now',
  ECONNRESET: 'connection cut off',
  EPIPE: 'connection cut off',
  ETIMEDOUT: 'no connection in time: it is off, or a firewall is in between',
  EHOSTUNREACH: 'no way to that address',
  ENETUNREACH: 'no way to that network: is this machine online?',
  EADDRNOTAVAIL: 'no way to that address',
  ENOTFOUND: 'the name is not known: mistyped, or is this machine offline?',
  EAI_AGAIN: 'no name server answers: is this machine online?',
  EACCES: 'this machine does not allow it',
  EPERM: 'this machine does not allow it',
  EMFILE: 'too many open files',
  carrier_closed: 'connected, and cut off without a reply',
  link_ended: 'the other end has closed the link',
  no_common_version: 'it speaks another version',
  self_connection: 'it is this node itself',
  silent: 'it has fallen silent',
  stuck: 'it takes nothing in',
  badData: 'it sent a block that is not the one asked for',
  violation: 'it breaks the rules',
  bad_message: 'it sends what is no message',
  bad_frame: 'what came over the link was damaged',
};

/** Who does not let this node in says not one byte, so all that can be told is what it may be. */
const unheard: Readonly<Record<Relation, string>> = {
  invited: 'the invite was used by somebody else or withdrawn',
  friend: 'it has removed this node',
  named: 'it has not added this node and lets no strangers in',
  stranger: 'it is full or lets no strangers in',
};

/** Another node listens there, or it is the one, and answers as one does who does not know the secret. */
const otherReply: Readonly<Record<Relation, string>> = {
  invited: 'what answers there is not the node of the invite',
  friend: 'what answers there is another node, or has removed this one',
  named: 'what answers there is another node',
  stranger: 'what answers there is another node',
};

/** An address in front of the reason is a thing of its own. */
export interface Why {
  readonly address: string | undefined;
  readonly words: string;
}

export function whyInWords(reason: string, relation: Relation): Why {
  const [, address, rest = reason] = /^(\[[^\]]+\]:\d+|[^:\s]+:\d+): (.*)$/u.exec(reason) ?? [];
  if (rest === 'bad_reply') return { address, words: otherReply[relation] };
  if (rest !== 'handshake_timeout')
    return { address, words: Object.hasOwn(words, rest) ? (words[rest] ?? rest) : rest };
  const said = `connected, and no reply: ${unheard[relation]}, its reference is out of date, or one of the two clocks is wrong`;
  return { address, words: said };
}
