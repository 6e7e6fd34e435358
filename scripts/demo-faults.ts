/**
 * `npm run demo:faults`: a gateway before upstreams that fail in every way we know of, and what its client then sees.
 * Prints a table of fault by mode. Exit code 1 when any cell is neither one complete answer of one model nor one error
 * in the envelope, or when the ledger tells of it otherwise.
 */
import { warmUp } from '../src/ledger/estimate-tokens.ts';
import { chat } from '../test/support/chat-client.ts';
import { ANSWERS, behaviourNamed, FAULTS, type UpstreamName, VOICES } from '../test/support/fault-cases.ts';
import { CLOSED_URL, FaultyUpstream, good, STREAM_ONLY } from '../test/support/faulty-upstream.ts';
import { readHonestly, type Seen } from '../test/support/honest-reply.ts';
import { LONG_TIMEOUTS, SHORT_TIMEOUTS, startGateway, twoTierRoutes } from '../test/support/start-gateway.ts';

type Mode = { name: string; says: string; isStream: boolean; route: object; recovers: boolean };

const ALONE = { fallback: 'none', retries: 0 };
const MODES: readonly Mode[] = [
  { name: 'plain', says: 'one upstream, no retry', isStream: false, route: ALONE, recovers: false },
  { name: 'streamed', says: 'the same, streamed', isStream: true, route: ALONE, recovers: false },
  {
    name: 'retry',
    says: 'streamed; the second call is answered well',
    isStream: true,
    route: { fallback: 'none', retries: 1 },
    recovers: true,
  },
  {
    name: 'fallback',
    says: 'streamed; the large tier is well',
    isStream: true,
    route: { fallback: 'up', retries: 0 },
    recovers: false,
  },
  {
    name: 'cascade',
    says: 'streamed; as fallback, and the first six tokens are held back',
    isStream: true,
    route: { fallback: 'up', retries: 0, escalate: { tokens: 6 } },
    recovers: false,
  },
];

const REFUSES = 'refuses connections';
const UNSURE = 'good, but unsure of it';
const ROWS = ['good', UNSURE, REFUSES, ...FAULTS.filter((name) => name !== 'good')];
const AT_ONCE = 4;
const WIDTHS = { fault: 43, cell: 36 };

/** Only a stream can meet this fault. */
const NOT_MET = '-';

type Cell = { row: string; mode: Mode; text: string; isHonest: boolean };

const main = async (): Promise<void> => {
  // What is loaded once would be taken for the first cell's.
  warmUp();
  await tryOut('good', MODES[1] as Mode);
  const startedAt = performance.now();
  const cells = await inTurns(
    ROWS.flatMap((row) => MODES.map((mode) => ({ row, mode }))),
    ({ row, mode }) => tryOut(row, mode),
  );
  const line = (first: string, rest: string[]) =>
    `${[first.padEnd(WIDTHS.fault), ...rest.map((text) => text.padEnd(WIDTHS.cell))].join('').trimEnd()}\n`;
  process.stdout.write(
    line(
      'what the upstream does',
      MODES.map(({ name }) => name),
    ),
  );
  for (const row of ROWS) {
    const texts = cells
      .filter((cell) => cell.row === row)
      .map(({ text, isHonest }) => (isHonest ? text : `!! ${text}`));
    process.stdout.write(line(row, texts));
  }
  const dishonest = cells.filter(({ isHonest }) => !isHonest);
  const tried = cells.filter(({ text }) => text !== NOT_MET).length;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(
    `\n${MODES.map(({ name, says }) => `${name}: ${says}`).join('\n')}\n\n` +
      '"small" or "large": its whole answer. A status and a code: one error in the envelope (upstream_ left out).\n' +
      '"cut at 5": the answer began, and after 5 tokens an error event ends it. "2x": calls made.\n\n' +
      `${tried - dishonest.length} of ${tried} cells are one answer or one error, in ${seconds} s.\n`,
  );
  for (const { row, mode, text } of dishonest) process.stderr.write(`${row}, ${mode.name}: ${text}\n`);
  process.exitCode = dishonest.length === 0 ? 0 : 1;
};

const tryOut = async (row: string, mode: Mode): Promise<Cell> => {
  if (!mode.isStream && STREAM_ONLY.has(row)) return { row, mode, text: NOT_MET, isHonest: true };
  try {
    return { row, mode, text: await show(row, mode), isHonest: true };
  } catch (error) {
    return { row, mode, text: (error as Error).message, isHonest: false };
  }
};

/** What the client of one request saw. @throws Error when that is dishonest. */
const show = async (row: string, mode: Mode): Promise<string> => {
  const behaviour = row === UNSURE || row === REFUSES ? good : behaviourNamed(row);
  const certainty = row === UNSURE ? 0.2 : 0.95;
  const small = await FaultyUpstream.start(behaviour, { pieces: VOICES['up-small'], certainty });
  const large = await FaultyUpstream.start(good, { pieces: VOICES['up-large'], certainty: null });
  if (mode.recovers) {
    small.always(good);
    small.script(behaviour);
  }
  const urls = { small: row === REFUSES ? CLOSED_URL : small.url, large: large.url };
  const isTimed = /stall|slow|endless/.test(row);
  const gateway = await startGateway({
    routes: twoTierRoutes(urls, {
      route: { difficulty: undefined, tier: 'small', ...mode.route },
      timeouts: isTimed ? SHORT_TIMEOUTS : LONG_TIMEOUTS,
    }),
    overrides: { random: () => 0 },
  });
  try {
    const startedAt = performance.now();
    const reply = await chat(gateway.url, { stream: mode.isStream });
    const ms = performance.now() - startedAt;
    const seen = readHonestly(reply, mode.isStream, ANSWERS);
    const [entry] = await gateway.untilEntries(1);
    if (entry === undefined || (entry.outcome === 'ok') !== (seen.kind === 'answer'))
      throw new Error(`the client saw ${seen.kind}, and the ledger says ${entry?.outcome}`);
    return `${words(seen, entry.tokens.completionTokens)} ${entry.attempts.length}x ${Math.round(ms)}ms`;
  } finally {
    await gateway.close();
    await Promise.all([small.close(), large.close()]);
  }
};

const words = (seen: Seen, tokens: number): string => {
  const short = (code: string | null) => (code ?? 'no code').replace(/^upstream_/, '');
  if (seen.kind === 'answer') return nameOf(seen.upstream as UpstreamName);
  return seen.kind === 'error' ? `${seen.status} ${short(seen.code)}` : `cut at ${tokens}: ${short(seen.code)}`;
};

const nameOf = (upstream: UpstreamName): string => upstream.slice('up-'.length);

/** Some at a time, the results in order. */
const inTurns = async <Item, Result>(items: Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> => {
  const results: Result[] = [];
  const waiting = items.entries();
  const next = async () => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  return results;
};

await main();
