/** How a job ends. */
import type { ErrorCode } from './errors.ts';

export type Outcome =
  | { readonly type: 'done'; readonly uri: string; readonly mimeType: string; readonly sizeBytes: number }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'cancelled' };
