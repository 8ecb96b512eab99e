/** What can be measured of a file that is asked for over one link: times, order, what is in work, answers, refusals, and what else passes. Pure. */
import type { RoutingKey } from '../../keys/index.ts';
import type { Message, Request } from '../../routing/index.ts';
import { mean, quantile } from '../sim/scenario.ts';
import { isRequest } from './spies.ts';

/** A message on the link, as the spy sees it. */
export interface Passed {
  readonly at: number;
  readonly dir: 'in' | 'out';
  readonly message: Message;
}

const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9];
const SOON_MS = 50;

/** @returns 56 numbers, the same ones each time */
export function featuresOf(passed: readonly Passed[], keys: readonly RoutingKey[]): number[] {
  const place = new Map(keys.map((key, index) => [key, index]));
  const asked: { at: number; request: Request; place: number }[] = [];
  for (const { at, dir, message } of passed) {
    if (dir !== 'in' || !isRequest(message)) continue;
    const index = place.get(message.key);
    if (index !== undefined) asked.push({ at, request: message, place: index });
  }
  const ids = new Map(asked.map((one) => [one.request.id, one]));
  const answers = passed.filter(
    ({ dir, message }) =>
      dir === 'out' && !isRequest(message) && 'id' in message && ids.has(message.id as never),
  );
  const finals = answers.filter(({ message }) => message.type !== 'accepted' && message.type !== 'working');
  const refusals = finals.filter(({ message }) => message.type === 'rejectedOverload');
  const times = asked.map(({ at }) => at);
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  const sinceAnswer = times.map((at) => at - last(finals, at)).filter((gap) => Number.isFinite(gap));
  const untilNext = finals
    .map(({ at }) => (times.find((time) => time > at) ?? Infinity) - at)
    .filter(Number.isFinite);
  const inWork = times.map(
    (at) => asked.filter((one) => one.at <= at).length - finals.filter((one) => one.at < at).length,
  );
  const delays = finals.map(
    ({ at, message }) => at - (('id' in message ? ids.get(message.id as never)?.at : 0) ?? 0),
  );
  const steps = asked.slice(1).map((one, index) => one.place - (asked[index]?.place ?? 0));
  const idSteps = asked.slice(1).map((one, index) => one.request.id - (asked[index]?.request.id ?? 0));
  const deadlines = asked.map(({ request }) => request.deadlineMs);
  const others = passed.filter(({ message }) => isRequest(message) && !place.has(message.key));
  const count = (type: Message['type']): number =>
    passed.filter(({ message }) => message.type === type).length;
  return [
    asked.length,
    new Set(asked.map((one) => one.place)).size,
    ...spread(gaps),
    correlation(gaps, 1),
    correlation(gaps, 2),
    gaps.filter((gap) => gap < 5).length,
    ...spread(sinceAnswer),
    sinceAnswer.filter((gap) => gap < SOON_MS).length,
    ...spread(untilNext),
    untilNext.filter((gap) => gap < SOON_MS).length,
    Math.max(0, ...inWork),
    mean(inWork),
    ...spread(delays),
    steps.filter((step) => step < 0).length,
    mean(steps.map(Math.abs)),
    asked[0]?.place ?? -1,
    mean(idSteps),
    Math.max(0, ...idSteps),
    mean(deadlines),
    Math.max(0, ...deadlines),
    asked.filter(({ request }) => request.priority === 'realtime').length,
    refusals.length,
    asked.length - new Set(asked.map((one) => one.place)).size,
    (times.at(-1) ?? 0) - (times[0] ?? 0),
    others.filter(({ dir }) => dir === 'in').length,
    others.filter(({ dir }) => dir === 'out').length,
    count('fold'),
    count('working'),
    count('offered'),
    count('insertRequest'),
  ];
}

function spread(values: readonly number[]): number[] {
  const average = mean(values);
  const deviation = Math.sqrt(mean(values.map((value) => (value - average) ** 2)));
  return [average, deviation, ...SHARES.map((share) => quantile(values, share))];
}

function correlation(values: readonly number[], lag: number): number {
  const average = mean(values);
  const around = values.map((value) => value - average);
  const power = mean(around.map((value) => value * value));
  if (power === 0) return 0;
  return mean(around.slice(lag).map((value, index) => value * (around[index] ?? 0))) / power;
}

/** When the last of them was before a time. */
function last(all: readonly { at: number }[], before: number): number {
  let at = -Infinity;
  for (const one of all) if (one.at <= before) at = Math.max(at, one.at);
  return at;
}
