/**
 * One run in a process of its own, told by JSON on its standard input; answers with one line of JSON. It is started by watch.ts,
 * which gives it its memory and ends it when it stands still.
 */
import { readFileSync } from 'node:fs';
import { readCorpus } from './corpus.ts';
import { fuzz } from './engine.ts';
import { Recorder } from './record.ts';
import { targetNamed } from './targets.ts';
import type { ChildReport, ChildTask } from './watch.ts';

async function main(task: ChildTask): Promise<void> {
  const target = targetNamed(task.target);
  if (target === undefined) throw new RangeError(`no target ${task.target}`);
  const recorder = new Recorder(task.record);
  const before = process.memoryUsage.rss();
  const { finding, ...tally } = await fuzz(target, {
    seed: task.seed,
    count: task.count,
    corpus: task.input === undefined ? readCorpus(target.name) : [Buffer.from(task.input, 'hex')],
    note: (input) => recorder.note(input),
  });
  recorder.close();
  const peakRssBytes = process.resourceUsage().maxRSS * 1_024;
  const found = finding && {
    what: finding.what,
    stack: finding.stack,
    hex: Buffer.from(finding.input).toString('hex'),
  };
  const report: ChildReport = { ...tally, peakRssBytes, grownBytes: peakRssBytes - before, finding: found };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

await main(JSON.parse(readFileSync(0, 'utf8')) as ChildTask);
