export { formatAddress, parseAddress } from './address.ts';
export type { Carrier, CarrierListener } from './carrier.ts';
export type { Role } from './hello.ts';
export { transportLimits } from './limits.ts';
export { decodeReference, encodeReference } from './reference.ts';
export { Session } from './session.ts';
export type { CloseReason, SessionEffect, SessionEvent, SessionOptions } from './session.ts';
export { negotiateVersion } from './version.ts';
export type { VersionRange } from './version.ts';
