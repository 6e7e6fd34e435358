import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStages, type Stages } from '../conformance/stage.ts';
import { pythonWithOpenai } from '../support/python-openai.ts';

let stages: Stages;
beforeAll(async () => {
  stages = await openStages(['python'], false);
});
afterAll(() => stages.close());

test('the official client for Python reads everything that the gateway sends, heartbeats included', async () => {
  const { baseURL, apiKey, spentKey } = stages.of('python', 'chat');
  const { silence } = stages.of('python', 'twenty seconds of silence');
  const child = spawn(await pythonWithOpenai(), [join(import.meta.dirname, 'openai_python.py')], {
    env: { ...process.env, BASE: baseURL, SILENT: silence.baseURL, KEY: apiKey, SPENT: spentKey, PYTHONUTF8: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const results: Record<string, string> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (line === 'silence: waiting') silence.pass(20_000);
    else if (line.includes(': ')) results[line.slice(0, line.indexOf(': '))] = line.slice(line.indexOf(': ') + 2);
  }
  expect(Object.keys(results)).toHaveLength(13);
  expect(Object.values(results)).toEqual(Array.from({ length: 13 }, () => 'ok'));
  expect(stages.of('python', 'unknown fields').sent()[0]).toMatchObject({ provider: { order: ['a'] } });
  expect(await stages.of('python', 'retries of 429').hits()).toBe(3);
  expect(await stages.of('python', 'spent budget').hits()).toBe(1);
}, 300_000);
