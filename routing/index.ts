export { decodeMessage, encodeMessage, messageVersions } from './codec.ts';
export type { Effect, Token, Trace, Verdict } from './effect.ts';
export { LOCAL_LINK } from './event.ts';
export type { LinkId, Peer, RouterEvent, WriteOutcome } from './event.ts';
export { routingLimits } from './limits.ts';
export type { IncomingMessage, Message, Priority, Request, RequestId, Uid } from './messages.ts';
export { isNetworkName, networkId, networks } from './network.ts';
export type { NetworkName, NetworkParams } from './network.ts';
export { Router } from './router.ts';
