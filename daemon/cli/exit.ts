/** The exit statuses, once: a published contract for scripts (docs/spec/cli.md, 2). Errors are mapped to them by the error table. */
export const exitStatuses = new Map([
  [0, 'done'],
  [1, 'failed'],
  [2, 'usage: wrong command, option or argument'],
  [3, 'the daemon is not running'],
  [4, 'timed out; the job goes on'],
  [10, 'data not found'],
  [11, 'no route, or overloaded: try again later'],
  [12, 'bad key, or the wrong form of it'],
  [13, 'collision: the name is taken'],
  [14, 'refused by filter or size'],
  [15, 'no room on disk'],
  [16, 'locked, or wrong passphrase'],
  [17, 'configuration or data directory'],
  [18, 'data directory in use'],
  [130, 'interrupted (SIGINT)'],
  [143, 'ended (SIGTERM)'],
]);
