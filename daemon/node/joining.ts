/**
 * How finding peers stands, in data and in words, for `mimeo status`: what is being tried, and why it comes to nothing. It decides
 * nothing, and claims nothing that router, links and calls do not say.
 */
import { assertNever } from '../../keys/index.ts';
import type { Result } from '../../client/index.ts';
import { type JoinStep, routingLimits } from '../../routing/index.ts';
import type { Links } from './links.ts';
import type { PeerState } from './peers.ts';
import { reachOf } from './place.ts';
import type { RouterHost } from './router-host.ts';
import type { Strangers } from './strangers.ts';

export type Joining = NonNullable<Result<'node.status'>['joining']>;

/** `seek`: finds peers among strangers. `accept`: lets strangers in and looks for none. `none`: whom the owner has named alone. */
export type StrangerMode = 'seek' | 'accept' | 'none';

interface Parts {
  readonly mode: StrangerMode;
  readonly host: Pick<RouterHost, 'joining' | 'peerCount' | 'now'>;
  readonly strangers: Pick<Strangers, 'attempts' | 'isAlone' | 'addressOf'>;
  readonly links: Pick<Links, 'nextCallMs' | 'hosts' | 'list'>;
  readonly peers: readonly PeerState[];
}

export function joining(parts: Parts): Joining {
  const { mode, host, strangers, links, peers } = parts;
  const friends = links.list().filter(({ tie }) => tie === 'friend').length;
  const { calling, failed, last } = strangers.attempts;
  const failing = peers.filter(
    ({ state, lastFailure }) => state !== 'connected' && lastFailure !== undefined,
  );
  const reason = last?.reason ?? failing[0]?.lastFailure;
  const step = host.joining;
  const doing = step === undefined ? undefined : inWords(step, strangers);
  const nextTryAt = step?.step === 'resting' ? step.nextAt : undefined;
  const nextTryMs = nextTryAt === undefined ? links.nextCallMs : nextTryAt - host.now;
  const now = {
    confirmed: host.peerCount - friends,
    wanted: mode === 'none' ? 0 : routingLimits.peers.value,
    // Named peers are called by the links, and some of them by the router once more.
    calling: Math.max(calling, peers.filter(({ state }) => state === 'connecting').length),
    failed: Math.max(failed, failing.length),
    callable: reachOf(links.hosts),
    ...(doing === undefined ? {} : { doing }),
    ...(reason === undefined ? {} : { lastFailure: whyInWords(reason) }),
    ...(last === undefined ? {} : { lastFailureSeconds: Math.round((host.now - last.at) / 1_000) }),
    ...(nextTryMs === undefined ? {} : { nextTrySeconds: Math.max(0, Math.ceil(nextTryMs / 1_000)) }),
  };
  const code = codeOf(now, {
    mode,
    links: links.list().length,
    known: peers.length > 0 || (mode === 'seek' && !strangers.isAlone) ? 'some' : 'none',
  });
  return { code, ...now, sentence: sentence({ code, ...now }) };
}

type Counts = Omit<Joining, 'code' | 'sentence'>;

function codeOf(
  { failed, calling, confirmed, wanted }: Counts,
  { mode, links, known }: { mode: StrangerMode; links: number; known: 'some' | 'none' },
): Joining['code'] {
  if (links > 0) {
    if (mode !== 'seek') return mode === 'accept' ? 'accepting' : 'closed';
    // Below that share a node announces itself again (docs/spec/peers.md, 8).
    return confirmed < wanted / 4 ? 'looking' : 'joined';
  }
  if (known === 'none') return mode === 'accept' ? 'accepting' : 'nobody';
  return failed > 0 || calling === 0 ? 'unanswered' : 'calling';
}

function sentence(now: Omit<Joining, 'sentence'>): string {
  const { code, confirmed, wanted, doing, calling } = now;
  switch (code) {
    case 'nobody':
      return wanted === 0
        ? 'This node knows nobody: exchange an invite (`mimeo invite`, `mimeo join`), or references (`mimeo peer ref`, `mimeo peer add`).'
        : 'This node knows nobody to ask for peers: join by an invite (`mimeo join`), add a peer (`mimeo peer add`), or name a seed (`--seeds`).';
    case 'calling':
      return `Calling ${nodes(calling)}.`;
    case 'unanswered':
      return unanswered(now);
    case 'looking':
      return `Looking for peers: ${confirmed} of ${wanted}, ${doing ?? 'asking again'}${inAWhile(now)}.`;
    case 'joined':
      return `${confirmed} of ${wanted} peers${confirmed < wanted && doing !== undefined ? `, ${doing}${inAWhile(now)}` : ''}.`;
    case 'accepting':
      return `Strangers may connect, and this node looks for none: ${confirmed} of ${wanted}.`;
    case 'closed':
      return 'Friends and named peers alone.';
    default:
      return assertNever(code);
  }
}

function unanswered({
  failed,
  lastFailure,
  lastFailureSeconds,
  nextTrySeconds,
}: Omit<Joining, 'sentence'>): string {
  if (lastFailure === undefined) {
    return nextTrySeconds === undefined
      ? 'No peer has called, and none that is known has an address to call.'
      : `No peer is connected: next try in ${nextTrySeconds} s.`;
  }
  const parts = [
    `${failed} tried`,
    ...(lastFailureSeconds === undefined ? [] : [`the last one ${lastFailureSeconds} s ago`]),
    ...(nextTrySeconds === undefined ? [] : [`next try in ${nextTrySeconds} s`]),
  ];
  return `No node answers: ${lastFailure} (${parts.join(', ')}).`;
}

/** While it rests. */
function inAWhile({ doing, nextTrySeconds }: Omit<Joining, 'sentence'>): string {
  return doing === RESTING && nextTrySeconds !== undefined ? ` in ${nextTrySeconds} s` : '';
}

const RESTING = 'asking again';

function inWords(step: JoinStep, strangers: Pick<Strangers, 'addressOf'>): string {
  switch (step.step) {
    case 'resting':
      return RESTING;
    case 'dialling':
      return 'calling earlier peers';
    case 'calling':
      return `calling ${strangers.addressOf(step.seed)}`;
    case 'announcing':
      return `announcing through ${strangers.addressOf(step.via)}`;
    case 'probing':
      return `asking around through ${strangers.addressOf(step.via)}`;
    case 'settling':
      return 'calling those who were offered';
    default:
      return assertNever(step);
  }
}

function nodes(count: number): string {
  return `${count} node${count === 1 ? '' : 's'}`;
}

/** What the system, a proxy or the session calls it, as a person does. */
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection cut off',
  ETIMEDOUT: 'no connection in time',
  EHOSTUNREACH: 'no way to that address',
  ENETUNREACH: 'no way to that network: is this machine online?',
  EADDRNOTAVAIL: 'no way to that address',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'no name server answers: is this machine online?',
  EACCES: 'this machine does not allow it',
  EMFILE: 'too many open files',
  handshake_timeout:
    'connected, and no reply: it is full, of another network, or one of the two clocks is wrong',
  carrier_closed: 'connected, and cut off without a reply',
  bad_reply: 'what answers there is no node of this network',
  no_common_version: 'it speaks another version',
  silent: 'it has fallen silent',
};

function whyInWords(reason: string): string {
  const code = /([A-Za-z_]+)$/u.exec(reason)?.[1] ?? '';
  return words[code] ?? reason;
}
