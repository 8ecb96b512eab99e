/**
 * The error table: everything that can go wrong for a person or a program, once, with what each surface says about it.
 * docs/ERRORS.md is generated from it. Codes are stable; a code is only ever added.
 *
 * A `UserError` is an expected failure with one of these codes. Bugs are assertions and have no code.
 */
export interface ErrorInfo {
  /** Exit status of the command line. */
  readonly exit: number;
  /** Status of fproxy and of `POST /rpc`. */
  readonly http: number;
  /** JSON-RPC error code: negative ones are the standard's, positive ones ours. */
  readonly rpc: number;
  /** Trying the same again later may work. */
  readonly retryable: boolean;
  /** What to do next, for a person. */
  readonly hint: string;
}

function row(exit: number, http: number, rpc: number, retry: 'retry' | 'final', hint: string): ErrorInfo {
  return { exit, http, rpc, retryable: retry === 'retry', hint };
}

export const errorTable = {
  failed: row(1, 500, -32000, 'final', 'See the log of the daemon.'),
  usage: row(2, 400, -32602, 'final', 'See `mimeo help`.'),
  method_unknown: row(2, 404, -32601, 'final', 'Methods are listed by `mimeo rpc rpc.discover`.'),
  bad_request: row(2, 400, -32600, 'final', 'Send one JSON-RPC 2.0 object a line.'),
  bad_json: row(2, 400, -32700, 'final', 'Send one JSON-RPC 2.0 object a line.'),
  daemon_not_running: row(3, 503, -32001, 'retry', 'Start it: mimeo start'),
  daemon_stopping: row(3, 503, -32002, 'retry', 'Start it again: mimeo start'),
  timed_out: row(4, 504, 103, 'retry', 'The job goes on; ask for it again later.'),
  cancelled: row(1, 499, 104, 'final', 'Ask for it again if it was not meant.'),
  data_not_found: row(
    10,
    404,
    100,
    'retry',
    'Check the key, try later, or ask the publisher to insert it again.',
  ),
  no_route: row(11, 503, 101, 'retry', 'The node has no usable peers: `mimeo status` says why.'),
  overloaded: row(11, 503, 102, 'retry', 'The network or this node is busy: try again in a minute.'),
  bad_key: row(12, 400, 300, 'final', 'Copy the whole key, from its type (CHK@, SSK@, KSK@) to its end.'),
  key_form: row(
    12,
    400,
    301,
    'final',
    'An insert needs the insert form of a key, a fetch the request form: see `mimeo key list`.',
  ),
  key_unknown: row(12, 404, 302, 'final', 'See `mimeo key list`.'),
  key_exists: row(13, 409, 303, 'final', 'Choose another name, or remove the key first.'),
  collision: row(13, 409, 200, 'final', 'Other data lies under this key. Insert under another name.'),
  refused_by_filter: row(14, 403, 201, 'final', 'Fetch it as a file: mimeo get -o FILE'),
  too_large: row(14, 413, 202, 'final', 'See docs/LIMITS.md for the limit.'),
  bad_block: row(
    1,
    502,
    304,
    'final',
    'The publisher made this data wrongly, or the key has a wrong crypto key.',
  ),
  bad_metadata: row(1, 502, 305, 'final', 'The publisher made this file wrongly or with a newer version.'),
  bad_cbor: row(1, 502, 306, 'final', 'The publisher made this file wrongly or with a newer version.'),
  bad_message: row(1, 502, 400, 'final', 'A peer speaks another protocol: it is disconnected.'),
  bad_reference: row(
    2,
    400,
    401,
    'final',
    'Paste the whole line that `mimeo peer ref` or `mimeo invite` prints at a node of the same network.',
  ),
  peer_unknown: row(1, 404, 402, 'final', 'See `mimeo peer list`.'),
  disk_quota: row(
    15,
    507,
    500,
    'retry',
    'Give the store more room (store.size), or wait until uploads have finished.',
  ),
  disk_full: row(15, 507, 501, 'retry', 'Free space on the disk of the data directory.'),
  disk_failed: row(1, 500, 502, 'retry', 'Check the disk and the permissions of the data directory.'),
  store_format: row(
    17,
    500,
    503,
    'final',
    'The store was written by another version or with another key: move it away, or use that version or key.',
  ),
  store_closed: row(1, 503, 504, 'retry', 'The daemon is stopping.'),
  store_busy: row(11, 503, 505, 'retry', 'The disk is slower than what arrives: try again in a minute.'),
  locked: row(16, 503, -32003, 'retry', 'Unlock it, in a terminal on its machine: mimeo unlock'),
  wrong_passphrase: row(16, 403, 307, 'final', 'Try again.'),
  bad_passphrase: row(
    2,
    400,
    308,
    'final',
    'Give it again: one line of 8 characters or more; six words drawn by dice are good.',
  ),
  invite_expired: row(2, 400, 309, 'final', 'Invites are good for a week: ask for a new one.'),
  keys_missing: row(
    17,
    500,
    605,
    'final',
    'Nothing in a directory can be read without its keys: restore keys/ from a backup, or choose another one with --data-dir.',
  ),
  state_damaged: row(17, 500, 606, 'final', 'Restore the file from a backup; it was left as it is.'),
  data_dir_format: row(
    17,
    500,
    607,
    'final',
    'Use the version that wrote the directory, or choose another one with --data-dir; nothing in it was changed.',
  ),
  config_invalid: row(
    17,
    400,
    600,
    'final',
    'Correct the line in mimeo.toml: `mimeo config path` says where it is.',
  ),
  data_dir_locked: row(
    18,
    409,
    601,
    'final',
    'Another daemon uses this data directory: stop it, or choose another with --data-dir.',
  ),
  data_dir_unusable: row(
    17,
    500,
    602,
    'final',
    'Choose a directory that this user can write to, with --data-dir.',
  ),
  port_in_use: row(17, 409, 603, 'final', 'Choose another port, or 0 for any free one.'),
  source_unreadable: row(
    1,
    400,
    700,
    'final',
    'Check the path and its permissions; the daemon reads it as its own user.',
  ),
  source_changed: row(
    1,
    409,
    701,
    'retry',
    'The file changed or vanished while it was read: insert it again.',
  ),
  target_unwritable: row(
    1,
    400,
    702,
    'final',
    'Check the path and its permissions; the daemon writes it as its own user.',
  ),
  target_exists: row(1, 409, 703, 'final', 'Choose another name, or remove the file first.'),
  job_unknown: row(1, 404, 704, 'final', 'See `mimeo queue list`.'),
  host_not_allowed: row(2, 421, 800, 'final', 'Use the address that the daemon printed.'),
  cross_site: row(
    2,
    403,
    801,
    'final',
    'Open the address yourself instead of following a link from a web site.',
  ),
  form_expired: row(2, 403, 805, 'retry', 'Load the home page again and send the form from there.'),
  bad_form: row(2, 400, 806, 'final', 'Use the form of the home page, or PUT: curl -T FILE ADDRESS/CHK@'),
  method_not_allowed: row(2, 405, 802, 'final', 'Use GET, HEAD, PUT or the form.'),
  range_unsatisfiable: row(2, 416, 803, 'final', 'Ask for bytes that the file has.'),
  page_unknown: row(2, 404, 804, 'final', 'Start at the home page: /'),
} satisfies Record<string, ErrorInfo>;

export type ErrorCode = keyof typeof errorTable;

/** An expected failure. The message says what failed, for which key, file or peer; the hint says what to do next. */
export class UserError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UserError';
    this.code = code;
  }

  get info(): ErrorInfo {
    return errorTable[this.code];
  }
}

/** Whether a text from outside (another process's answer) is one of our codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text);
}
