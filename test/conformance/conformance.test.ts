import { beforeAll, describe, expect, test } from 'vitest';
import { loadClients } from './clients/all.ts';
import { FEATURE_NAMES } from './feature.ts';
import { type Result, runCells } from './run-cells.ts';

/** Retries wait for their pauses; on a busy machine all of it takes its time. */
const LIMIT_MS = 240_000;
const clients = await loadClients();

describe.each([
  { upstream: 'replayed answers', isLocal: false, under: clients },
  // The others read the same bytes; `npm run conformance -- --local` runs them all.
  { upstream: 'the model in the box', isLocal: true, under: clients.filter(({ name }) => name === 'openai') },
])('over $upstream', ({ isLocal, under }) => {
  let results: Result[];
  beforeAll(async () => {
    results = await runCells(under, isLocal);
  }, LIMIT_MS);

  test.each(under.flatMap(({ name }) => FEATURE_NAMES.map((feature) => ({ name, feature }))))(
    '$name: $feature',
    ({ name, feature }) => {
      const outcome = results.find((each) => each.client === name && each.feature === feature)?.outcome;
      if (outcome?.kind === 'red') throw outcome.error;
      expect(['green', 'n/a']).toContain(outcome?.kind);
    },
  );
});
