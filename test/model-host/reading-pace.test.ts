import { expect, test } from 'vitest';
import { ReadingPace } from '../../src/model-host/reading-pace.ts';

test('a prompt alone is read in long steps, prompts together share them, and beside an answer all are short', () => {
  const pace = new ReadingPace();
  const first = pace.begin();
  expect(pace.stepTokens).toBe(512);
  const others = Array.from({ length: 3 }, () => pace.begin());
  expect(pace.stepTokens).toBe(128);
  first.write();
  expect(pace.stepTokens).toBe(64);
  first.end();
  expect(pace.stepTokens).toBe(170);
  for (const other of others) other.end();
  for (let index = 0; index < 20; index++) pace.begin();
  expect(pace.stepTokens).toBe(64);
});

test('what ends is counted once, however often it says so', () => {
  const pace = new ReadingPace();
  for (let index = 0; index < 3; index++) {
    const aborted = pace.begin();
    aborted.end();
    aborted.end();
    aborted.write();
  }
  pace.begin();
  expect(pace.stepTokens).toBe(512);
});
