/**
 * A job is everything that takes long: one shape for downloads and uploads, and later for sites, so that the command line, the
 * socket and the browser show the same thing. Progress uses the field's names. It holds no plaintext and no file content.
 */
import { z } from 'zod';

/** 0 is the most urgent of the field's seven classes; 4 is what a person's own command gets when nothing is said. */
export const prioritySchema = z.number().int().min(0).max(6);

const progressSchema = z.object({
  /** Blocks that the job knows of so far; grows until `finalizedTotal`. */
  total: z.number().int().nonnegative(),
  /** Blocks that suffice. */
  required: z.number().int().nonnegative(),
  succeeded: z.number().int().nonnegative(),
  /** Tries that failed and are tried again. */
  failed: z.number().int().nonnegative(),
  /** Blocks that are given up. */
  fatallyFailed: z.number().int().nonnegative(),
  finalizedTotal: z.boolean(),
  /** Content bytes, once known. */
  sizeBytes: z.number().int().nonnegative().optional(),
  /** Content bytes read from the source or written to the target so far. */
  doneBytes: z.number().int().nonnegative(),
});

/** Why nothing that the owner asks for goes out (docs/spec/rpc.md, 6). */
export const waitCodes = [
  /** None has been drawn yet. */
  'no_guard',
  /** None of them can be used. */
  'guards_away',
  /** The first one is there for less than ten minutes: bulk waits. */
  'guard_new',
] as const;

export const jobSchema = z.object({
  id: z.string(),
  kind: z.enum(['get', 'put']),
  state: z.enum(['running', 'finished', 'failed', 'cancelled']),
  priority: prioritySchema,
  progress: progressSchema,
  /** Get: what is fetched. Put: where it can be fetched, known once the last block is encoded. */
  uri: z.string().optional(),
  /** The file on this machine that is read or written. */
  path: z.string().optional(),
  mimeType: z.string().optional(),
  /** While what it asks for waits: why, as a code and in words. */
  waiting: z.object({ code: z.enum(waitCodes), sentence: z.string() }).optional(),
  /** Set when the state is `failed`. */
  error: z
    .object({ code: z.string(), message: z.string(), hint: z.string(), retryable: z.boolean() })
    .optional(),
});

export type Progress = z.output<typeof progressSchema>;
export type Job = z.output<typeof jobSchema>;

export const noProgress: Progress = {
  total: 0,
  required: 0,
  succeeded: 0,
  failed: 0,
  fatallyFailed: 0,
  finalizedTotal: false,
  doneBytes: 0,
};
