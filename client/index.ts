export { api } from './api.ts';
export type { Api, ContentApi, MethodName, OpenedFile, Params, Result } from './api.ts';
export type { ClientEffect, Form, OpenedContent, Token } from './effect.ts';
export { errorTable, isErrorCode, UserError } from './errors.ts';
export type { ErrorCode } from './errors.ts';
export type {
  ByteRange,
  ClientEvent,
  ContentEnd,
  ContentFailure,
  FetchResult,
  InsertResult,
} from './event.ts';
export type { SinkCredit, SourceBytes, SourceMeasure } from './event.ts';
export { Getter } from './get.ts';
export { noProgress } from './job.ts';
export type { Job, Progress } from './job.ts';
export { clientLimits } from './limits.ts';
export { isMimeType } from './metadata.ts';
export { outcomeError } from './outcome.ts';
export type { Outcome } from './outcome.ts';
export { Putter } from './put.ts';
export type { FileKeyPolicy } from './put.ts';
export type { GetTarget, PutTarget } from './target.ts';
