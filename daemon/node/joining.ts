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
  readonly host: Pick<RouterHost, 'joining' | 'peerCount' | 'uplink' | 'now'>;
  readonly strangers: Pick<Strangers, 'attempts' | 'isAlone' | 'addressOf'>;
  readonly links: Pick<Links, 'nextCallMs' | 'hosts' | 'list'>;
  readonly peers: readonly PeerState[];
}

export function joining(parts: Parts): Joining {
  const { mode, host, strangers, links, peers } = parts;
  const friends = links.list().filter(({ tie }) => tie === 'friend').length;
  const { calling, failed, last, answered } = strangers.attempts;
  const failing = peers.filter(
    ({ state, lastFailure }) => state !== 'connected' && lastFailure !== undefined,
  );
  const why = last?.why.words ?? failing[0]?.lastFailure;
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
    ...(why === undefined ? {} : { lastFailure: why }),
    ...(last === undefined ? {} : { lastFailureSeconds: Math.round((host.now - last.at) / 1_000) }),
    ...(nextTryMs === undefined ? {} : { nextTrySeconds: Math.max(0, Math.ceil(nextTryMs / 1_000)) }),
  };
  const linked = links.list().length;
  const code = codeOf(now, {
    mode,
    links: linked,
    known: peers.length > 0 || (mode === 'seek' && !strangers.isAlone) ? 'some' : 'none',
    answered: answered !== undefined && (last === undefined || last.at < answered.at) ? 'last' : 'before',
  });
  const at = code === 'ended' ? answered?.address : last?.why.address;
  return {
    code,
    ...now,
    sentence: sentence({ code, ...now, linked: linked - friends, at, uplink: host.uplink }),
  };
}

type Counts = Omit<Joining, 'code' | 'sentence'>;

interface Situation {
  readonly mode: StrangerMode;
  readonly links: number;
  readonly known: 'some' | 'none';
  /** Whether the last call came through, or failed. */
  readonly answered: 'last' | 'before';
}

/** What sentences say besides. */
interface Said extends Omit<Joining, 'sentence'> {
  /** Links but those with friends. */
  readonly linked: number;
  /** Where the last call went. */
  readonly at: string | undefined;
  /** Friendships to a node that routes among strangers; 7 if none is near. */
  readonly uplink: number;
}

function codeOf(
  { failed, calling, confirmed, wanted }: Counts,
  { mode, links, known, answered }: Situation,
): Joining['code'] {
  if (links > 0) {
    if (mode !== 'seek') return mode === 'accept' ? 'accepting' : 'closed';
    // Below that share a node announces itself again (docs/spec/peers.md, 8).
    return confirmed < wanted / 4 ? 'looking' : 'joined';
  }
  if (known === 'none') return mode === 'accept' ? 'accepting' : 'nobody';
  if (calling > 0 && failed === 0) return 'calling';
  return failed === 0 && answered === 'last' ? 'ended' : 'unanswered';
}

function sentence(now: Said): string {
  const { code, confirmed, wanted, doing, calling, linked } = now;
  switch (code) {
    case 'nobody':
      return wanted === 0
        ? 'This node knows nobody: exchange an invite (`mimeo invite`, `mimeo join`), or references (`mimeo peer ref`, `mimeo peer add`).'
        : 'This node knows nobody to ask for peers: join by an invite (`mimeo join`), add a peer (`mimeo peer add`), or name a seed (`--seeds`).';
    case 'calling':
      return `Calling ${nodes(calling)}.`;
    case 'unanswered':
      return unanswered(now);
    case 'ended':
      return ended(now);
    case 'looking': {
      const open =
        confirmed === 0 && linked > 0
          ? ` (${nodes(linked)} connected, none has a place for this one yet)`
          : '';
      return `Looking for peers: ${confirmed} of ${wanted}${open}, ${doing ?? RESTING}${inAWhile(now)}.`;
    }
    case 'joined':
      return `${confirmed} of ${wanted} peers${confirmed < wanted && doing !== undefined ? `, ${doing}${inAWhile(now)}` : ''}.`;
    case 'accepting':
      return `Strangers may connect, and this node looks for none: ${confirmed} of ${wanted}.`;
    case 'closed':
      return `Friends and named peers alone${throughFriends(now)}.`;
    default:
      return assertNever(code);
  }
}

function unanswered({ failed, lastFailure, lastFailureSeconds, nextTrySeconds, at }: Said): string {
  if (lastFailure === undefined) {
    return nextTrySeconds === undefined
      ? 'No peer has called, and none that is known has an address to call.'
      : `No peer is connected: next try in ${nextTrySeconds} s.`;
  }
  const parts = [
    `${failed} tried`,
    ...(lastFailureSeconds === undefined
      ? []
      : [`the last one ${at ?? ''}${at === undefined ? '' : ' '}${lastFailureSeconds} s ago`]),
    ...(nextTrySeconds === undefined ? [] : [`next try in ${nextTrySeconds} s`]),
  ];
  return `No node answers: ${lastFailure} (${parts.join(', ')}).`;
}

/** A node that is full lets others in for a while, and so does one that stops. */
function ended({ at, nextTrySeconds }: Said): string {
  const next = nextTrySeconds === undefined ? '' : `; next try in ${nextTrySeconds} s`;
  return `No peer is connected: the link with ${at ?? 'the last one'} has ended, which has no place for this node or has stopped${next}.`;
}

/** While it rests. */
function inAWhile({ doing, nextTrySeconds }: Said): string {
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

/** Where nobody near has strangers there is nothing to say: that is a network of friends. */
function throughFriends({ uplink }: Said): string {
  if (uplink < 1 || uplink >= 7) return '';
  return `; this node reaches strangers through friends, ${uplink === 1 ? 'one step' : `${uplink} steps`} away`;
}

function nodes(count: number): string {
  return `${count} node${count === 1 ? '' : 's'}`;
}
