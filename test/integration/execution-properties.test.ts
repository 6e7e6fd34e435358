import { Agent, request as send } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AttemptRecord, LedgerEntry } from '../../src/contract/ledger-entry.ts';
import { warmUp } from '../../src/ledger/estimate-tokens.ts';
import { parseStream, type RawReply, readAnswer } from '../support/chat-client.ts';
import {
  ANSWERS,
  behaviourNamed,
  drawCases,
  type FaultCase,
  isSlow,
  isStall,
  NOTHING,
  owedBy,
  routeOf,
  type UpstreamName,
  voiceOf,
} from '../support/fault-cases.ts';
import { CLOSED_URL, FaultyUpstream, type UpstreamCall } from '../support/faulty-upstream.ts';
import { isBeginningOf, readHonestly, type Seen } from '../support/honest-reply.ts';
import {
  LONG_TIMEOUTS,
  SHORT_TIMEOUTS,
  startGateway,
  type TestGateway,
  twoTierRoutes,
} from '../support/start-gateway.ts';
import { countText } from '../support/token-counter.ts';
import { until } from '../support/until.ts';
import { WatchedClock } from '../support/watched-clock.ts';

/** Other cases, or more: `PROPERTY_SEED=7 PROPERTY_CASES=1000 vitest run test/integration/execution-properties.test.ts`. */
const SEED = Number(process.env['PROPERTY_SEED'] ?? 20_261_122);
const ALONE = Number(process.env['PROPERTY_CASES'] ?? 250);
const TOGETHER = 80;
const BLOCK = 50;
const AT_ONCE = 16;
/** Far beyond any limit of the gateway: a busy machine is no hanging client. */
const PATIENCE_MS = 45_000;

const NAMES: UpstreamName[] = ['up-small', 'up-large'];
const cases = drawCases(SEED, ALONE + TOGETHER);

/** One call that an upstream received, and what it was told to do with it. */
type Heard = { call: UpstreamCall; upstream: UpstreamName; did: string };
/** One case under way: what its upstreams heard, and what its client waits for before it leaves. */
type Run = { heard: Heard[]; onCall: () => void };

const marker = (index: number): string => `case ${index}.`;

/** Tells each call what to do by the case that its prompt names. */
const startUpstream = (name: UpstreamName, drawn: FaultCase[], runs: Map<number, Run>, voice: FaultCase) =>
  FaultyUpstream.start(
    (call) => {
      const index = Number(/case (\d+)\./.exec(String(call.body.messages[0]?.content))?.[1]);
      const draws = drawn.find((each) => each.index === index)?.draws[name] ?? [];
      const run = runs.get(index) as Run;
      const before = run.heard.filter(({ upstream }) => upstream === name).length;
      const draw = draws[Math.min(before, draws.length - 1)];
      const did = (call.isStream ? draw?.streamed : draw?.plain) ?? 'good';
      run.heard.push({ call, upstream: name, did });
      run.onCall();
      return behaviourNamed(did)(call);
    },
    voiceOf(name, voice),
  );

/** Asks, and leaves where the case says so: then what came until then is told, and `hasLeft`. */
const ask = async (url: string, drawn: FaultCase, run: Run, turn: 0 | 1): Promise<RawReply & { hasLeft: boolean }> => {
  const dispatcher = new Agent({ pipelining: 0 });
  const leaving = new AbortController();
  const { leave } = drawn;
  run.onCall = () => {
    if (turn === 0 && leave?.on === 'call' && run.heard.length >= leave.count) leaving.abort();
  };
  let status = 0;
  let headers: RawReply['headers'] = {};
  let text = '';
  try {
    const response = await send(`${url}/v1/chat/completions`, {
      method: 'POST',
      dispatcher,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'auto',
        messages: [{ role: 'user', content: `What is 2+2? This is ${marker(drawn.index)}` }],
        // Plain as the default: the cache must not take a stream for another request.
        ...(drawn.isStream[turn] && { stream: true }),
      }),
      signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
    status = response.statusCode;
    headers = response.headers;
    const decoder = new TextDecoder();
    for await (const piece of response.body as AsyncIterable<Buffer>) {
      text += decoder.decode(piece, { stream: true });
      const isEnough = leave?.on === 'event' && text.split('\n\n').length > leave.count;
      if (turn === 0 && drawn.isStream[0] && isEnough) leaving.abort();
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw new Error('the client was left hanging, or cut off', { cause: error });
  } finally {
    await dispatcher.destroy();
  }
  return { status, headers, ...parseStream(text), hasLeft: leaving.signal.aborted };
};

/** What is wrong with the tokens of an attempt, beside the call that it made. */
const checkTokens = (attempt: AttemptRecord, heard: Heard | undefined): void => {
  const { promptTokens, completionTokens } = attempt.tokens;
  const counted = { promptTokens, completionTokens };
  const produced = heard?.call.produced ?? NOTHING;
  const isLimit = attempt.errorCode?.endsWith('_timeout') ?? false;
  const isCutByUs = attempt.outcome === 'aborted' || attempt.outcome === 'escalated' || isLimit;
  // On a machine this busy a short limit may run out before anything of a stalled answer was read.
  const isSeen = !isLimit || (isStall(heard?.did ?? '') && promptTokens > 0);
  if (!isCutByUs || (isLimit && isSeen)) {
    expect(counted, `tokens of ${attempt.upstream}, which did "${heard?.did}"`).toEqual(produced);
    return;
  }
  // What was on its way when the call was broken off is the upstream's alone.
  expect(completionTokens).toBeLessThanOrEqual(produced.completionTokens);
  if (completionTokens > 0) expect(promptTokens).toBe(produced.promptTokens);
};

/** Attempts and their calls, in order. One that was broken off before it was heard has no call, and counts nothing. */
const pairs = (attempts: AttemptRecord[], calls: Heard[]): [AttemptRecord, Heard | undefined][] => {
  let unheard = attempts.length - calls.length;
  let next = 0;
  return attempts.map((attempt) => {
    const countsNothing = attempt.tokens.promptTokens === 0 && attempt.tokens.completionTokens === 0;
    return [attempt, unheard > 0 && countsNothing && unheard-- > 0 ? undefined : calls[next++]];
  });
};

const checkEntry = (entry: LedgerEntry, heard: Heard[], reply: RawReply, seen: Seen | 'left'): void => {
  for (const name of NAMES) {
    const calls = heard.filter(({ upstream }) => upstream === name);
    const attempts = entry.attempts.filter(({ upstream }) => upstream === name);
    expect(attempts.length, `attempts at ${name}`).toBeGreaterThanOrEqual(calls.length);
    for (const [attempt, call] of pairs(attempts, calls)) checkTokens(attempt, call);
  }
  for (const key of ['promptTokens', 'completionTokens'] as const) {
    expect(entry.tokens[key]).toBe(entry.attempts.reduce((sum, { tokens }) => sum + tokens[key], 0));
  }
  if (seen === 'left') {
    const { text } = readAnswer({ events: reply.events.filter(isWhole) });
    const answer = ANSWERS[entry.upstream as UpstreamName] ?? '';
    if (text !== '') expect(isBeginningOf(text, answer), `"${text}" of ${entry.upstream}`).toBe(true);
    expect(['aborted', 'ok', 'error']).toContain(entry.outcome);
    return;
  }
  expect(entry.id).toBe(reply.headers['x-request-id']);
  expect(entry.status).toBe(reply.status);
  expect(entry.outcome).toBe(seen.kind === 'answer' ? 'ok' : 'error');
  if (seen.kind !== 'error') expect(entry.upstream).toBe(seen.upstream);
  if (seen.kind === 'broken') {
    expect(entry.errorCode).toBe(seen.code);
    // Of a hedged pair, the attempt that began last may be the one that was cancelled.
    const served = entry.attempts.findLast(({ upstream }) => upstream === seen.upstream);
    expect(served?.tokens.completionTokens).toBe(countText(seen.text));
  }
  if (seen.kind === 'answer') {
    expect(entry.attempts.filter(({ outcome }) => outcome === 'ok')).toHaveLength(entry.cache === 'hit' ? 0 : 1);
  }
};

/** The last event of a client that left may be cut. */
const isWhole = (data: string): boolean => {
  try {
    return data === '[DONE]' || JSON.parse(data) !== null;
  } catch {
    return false;
  }
};

/** One request of a case, checked from the client's side and the ledger's. */
const checkRequest = async (gateway: TestGateway, drawn: FaultCase, run: Run, turn: 0 | 1, seenIds: Set<string>) => {
  const before = run.heard.length;
  const reply = await ask(gateway.url, drawn, run, turn);
  const seen: Seen | 'left' = reply.hasLeft ? 'left' : readHonestly(reply, drawn.isStream[turn], ANSWERS);
  const isOurs = ({ id }: LedgerEntry) =>
    reply.headers['x-request-id'] === undefined ? !seenIds.has(id) : id === reply.headers['x-request-id'];
  const entry = await until(async () => (await gateway.entries()).find(isOurs), 5_000, 'the ledger entry');
  seenIds.add(entry.id);
  const heard = run.heard.slice(before);
  await until(() => heard.every(({ call }) => call.isClosed), 5_000, 'the end of every upstream call');
  checkEntry(entry, heard, reply, seen);
  return { seen, entry, heard };
};

const outcomes = { owed: 0, answer: 0, error: 0, broken: 0, left: 0, hit: 0, hedged: 0, escalated: 0, retried: 0 };

const count = ({ seen, entry }: { seen: Seen | 'left'; entry: LedgerEntry }): void => {
  outcomes[seen === 'left' ? 'left' : seen.kind]++;
  if (entry.cache === 'hit') outcomes.hit++;
  if (entry.reason.includes('hedged')) outcomes.hedged++;
  if (entry.attempts.some(({ outcome }) => outcome === 'escalated')) outcomes.escalated++;
  if (entry.attempts.length > 2) outcomes.retried++;
};

const needsLimits = (drawn: FaultCase, name: UpstreamName): boolean =>
  drawn.draws[name]?.some(({ plain, streamed }) => [plain, streamed].some((each) => isSlow(each) || isStall(each))) ??
  false;

/** A case with a gateway and upstreams of its own, so that nothing else can be to blame. */
const runAlone = async (drawn: FaultCase): Promise<void> => {
  const runs = new Map<number, Run>([[drawn.index, { heard: [], onCall: () => {} }]]);
  const run = runs.get(drawn.index) as Run;
  const clock = new WatchedClock();
  const start = (name: UpstreamName) => startUpstream(name, [drawn], runs, drawn);
  const [small, large] = await Promise.all([start('up-small'), start('up-large')]);
  const urlOf = (name: UpstreamName, { url }: FaultyUpstream) => (drawn.draws[name] === null ? CLOSED_URL : url);
  const urls = { small: await urlOf('up-small', small), large: await urlOf('up-large', large) };
  const routes = twoTierRoutes(urls, { route: routeOf(drawn) });
  for (const name of NAMES) routes.upstreams[name].timeouts = needsLimits(drawn, name) ? SHORT_TIMEOUTS : LONG_TIMEOUTS;
  const gateway = await startGateway({ routes, clock, overrides: { random: () => 0 } });
  // Of the one that looks after routes.yaml.
  const timersBefore = clock.pendingTimers;
  let isClosed = false;
  try {
    const seenIds = new Set<string>();
    const first = await checkRequest(gateway, drawn, run, 0, seenIds);
    count(first);
    const owed = owedBy(drawn);
    if (owed !== null) {
      outcomes.owed++;
      expect(first.seen, 'an answer was owed').toMatchObject({ kind: 'answer' });
      if (owed !== 'any') expect(first.seen).toMatchObject({ upstream: owed });
    }
    let requests = 1;
    // A call that was broken off on its way may still arrive, and would pass for one of the second request.
    const isOnItsWay = first.entry.attempts.length > first.heard.length;
    if (drawn.cache && !isOnItsWay) {
      const second = await checkRequest(gateway, drawn, run, 1, seenIds);
      count(second);
      requests++;
      const isStored = first.entry.outcome === 'ok';
      expect(second.entry.cache, 'the second look-up').toBe(isStored ? 'hit' : 'miss');
      if (isStored) {
        expect(second.heard).toHaveLength(0);
        expect(second.entry.tokens).toMatchObject(NOTHING);
        if (first.seen !== 'left') expect(second.seen).toEqual(first.seen);
      }
    }
    await gateway.untilEntries(requests);
    await until(() => clock.pendingTimers <= timersBefore, 5_000, 'the end of all timers');
    const closing = gateway.close().then(() => true);
    isClosed = true;
    await until(() => Promise.race([closing, Promise.resolve(false)]), 5_000, 'the end of the gateway');
    for (const upstream of [small, large]) {
      await until(async () => (await upstream.openConnections()) === 0, 5_000, 'the end of all upstream connections');
    }
  } finally {
    if (!isClosed) await gateway.close();
    await Promise.all([small.close(), large.close()]);
  }
};

/** Runs all cases, some at a time; fails with every case that failed and what it takes to see it again. */
const runAll = async (drawn: FaultCase[], run: (each: FaultCase) => Promise<void>): Promise<void> => {
  const waiting = [...drawn];
  const failures: string[] = [];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        await run(next);
      } catch (error) {
        failures.push(`seed ${SEED}, case ${JSON.stringify(next)}\n${(error as Error).message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  expect(failures.join('\n\n')).toBe('');
};

const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
let socketsBefore = 0;

beforeAll(() => {
  // The encoder loads for a third of a second; limits this short must not count it.
  warmUp();
  countText('');
  socketsBefore = openSockets();
});

afterAll(async () => {
  await until(() => openSockets() <= socketsBefore, 5_000, 'the end of every socket');
  // Cases that never reach a feature would prove nothing of it.
  for (const [what, times] of Object.entries(outcomes)) expect(times, `cases with ${what}`).toBeGreaterThan(5);
});

const blocks = Array.from({ length: ALONE / BLOCK }, (_, block) => ({
  from: block * BLOCK,
  to: (block + 1) * BLOCK - 1,
}));

describe('one complete answer of one model or one error, one ledger entry that counts it, and nothing left open', () => {
  test.each(blocks)(
    'generated cases $from to $to',
    ({ from, to }) => runAll(cases.slice(from, to + 1), runAlone),
    120_000,
  );

  test('the same at one gateway for all, whose circuits open and whose retry budgets run out', async () => {
    const together = cases.slice(ALONE).map((drawn) => ({ ...drawn, cascade: 'sure' as const, cache: false }));
    const [shared] = together as [FaultCase];
    const runs = new Map<number, Run>();
    const clock = new WatchedClock();
    const start = (name: UpstreamName) => startUpstream(name, together, runs, shared);
    const [small, large] = await Promise.all([start('up-small'), start('up-large')]);
    const routes = twoTierRoutes(
      { small: small.url, large: large.url },
      { route: { ...routeOf(shared), retries: 1, fallback: 'any' } },
    );
    for (const name of NAMES) routes.upstreams[name].timeouts = SHORT_TIMEOUTS;
    const gateway = await startGateway({ routes, clock, overrides: { random: () => 0 } });
    const timersBefore = clock.pendingTimers;
    const seenIds = new Set<string>();
    try {
      await runAll(together, async (drawn) => {
        const run: Run = { heard: [], onCall: () => {} };
        runs.set(drawn.index, run);
        // Whose entry is whose shows by its id, which a client that left early never saw.
        await checkRequest(gateway, { ...drawn, leave: null }, run, 0, seenIds);
      });
      await gateway.untilEntries(together.length);
      await until(() => clock.pendingTimers <= timersBefore, 5_000, 'the end of all timers');
    } finally {
      await gateway.close();
      await Promise.all([small.close(), large.close()]);
    }
  }, 120_000);
});
