/** How a job ends. */
import { assertNever } from '../keys/index.ts';
import { type ErrorCode, UserError } from './errors.ts';

export type Outcome =
  | { readonly type: 'done'; readonly uri: string; readonly mimeType: string; readonly sizeBytes: number }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'cancelled' };

/** What to throw where somebody waits for the result; undefined when it is there. */
export function outcomeError(outcome: Outcome): UserError | undefined {
  switch (outcome.type) {
    case 'done':
      return undefined;
    case 'cancelled':
      return new UserError('cancelled', 'the job was cancelled');
    case 'failed':
      return new UserError(outcome.code, outcome.message);
    default:
      return assertNever(outcome);
  }
}
