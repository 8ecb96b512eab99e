export { fproxyLimits } from './limits.ts';
export { startFproxy } from './server.ts';
export type { Fproxy, FproxyOptions } from './server.ts';
