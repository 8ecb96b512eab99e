/**
 * Failures on the wire and back: `{code, message, data: {code, retryable, hint}}`. The error table decides all but the message.
 * What is no `UserError` is a bug and is not translated here.
 */
import { z } from 'zod';
import { ParseError } from '../../keys/index.ts';
import { errorTable, isErrorCode, UserError, type ErrorCode } from '../../client/index.ts';

export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data: { readonly code: ErrorCode; readonly retryable: boolean; readonly hint: string };
}

export function toWireError(error: UserError): WireError {
  const { rpc, retryable, hint } = errorTable[error.code];
  return { code: rpc, message: error.message, data: { code: error.code, retryable, hint } };
}

/** The expected failure that a thrown value is: foreign text that did not parse is one too. Undefined for a bug. */
export function asUserError(error: unknown): UserError | undefined {
  if (error instanceof UserError) return error;
  return error instanceof ParseError ? new UserError(error.code, error.message, { cause: error }) : undefined;
}

const wireError = z.object({
  message: z.string(),
  data: z.object({ code: z.string() }).optional().catch(undefined),
});

/** A code that this version does not know becomes `failed`; its message is kept. */
export function fromWireError(error: unknown): UserError {
  const parsed = wireError.safeParse(error);
  if (!parsed.success)
    return new UserError('failed', 'the daemon answered with something that is no error object');
  const { message, data } = parsed.data;
  return new UserError(data !== undefined && isErrorCode(data.code) ? data.code : 'failed', message);
}
