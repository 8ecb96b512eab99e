/**
 * Tells what a machine has got done, at most once a step and only when a number changed: whoever shows it throttles further.
 * It counts nothing itself.
 */
import type { ClientEffect } from './effect.ts';
import { noProgress, type Progress } from './job.ts';

export class ProgressReport {
  #last: Progress = noProgress;

  tell(progress: Progress, effects: ClientEffect[]): void {
    if (isSame(progress, this.#last)) return;
    this.#last = progress;
    effects.push({ type: 'progress', progress });
  }
}

function isSame(a: Progress, b: Progress): boolean {
  return (
    a.total === b.total &&
    a.required === b.required &&
    a.succeeded === b.succeeded &&
    a.failed === b.failed &&
    a.fatallyFailed === b.fatallyFailed &&
    a.finalizedTotal === b.finalizedTotal &&
    a.sizeBytes === b.sizeBytes &&
    a.doneBytes === b.doneBytes
  );
}
