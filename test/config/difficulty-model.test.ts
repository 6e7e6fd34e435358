import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { classifierOf, loadClassifier } from '../../src/difficulty/load-classifier.ts';
import { parseWeights } from '../../src/difficulty/weights.ts';

const WEIGHTS = join(import.meta.dirname, '../../src/difficulty/weights.json');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rightsize-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const load = (model: string) => {
  const file = join(folder, 'routes.yaml');
  writeFileSync(
    file,
    `version: 1
upstreams: { local: { kind: ollama } }
tiers: [{ name: small, models: [{ upstream: local, model: m }] }]
routes: [{ name: default, tier: small }]
difficulty: { model: ${model} }
`,
  );
  return loadConfig({ file, environment: {}, checkModel: parseWeights });
};

test('the model that the file names decides, found beside the file', async () => {
  const mine = { ...JSON.parse(readFileSync(WEIGHTS, 'utf8')), version: 'mine-1' };
  writeFileSync(join(folder, 'mine.model'), JSON.stringify(mine));
  const loaded = await load('mine.model');
  if (!loaded.ok) throw new Error(loaded.problems[0]?.message);
  expect(classifierOf(loaded.config, await loadClassifier()).modelVersion).toBe('mine-1');
});

test.each([
  ['absent.model', null, 'ENOENT'],
  ['text.model', 'no json', 'not valid JSON'],
  ['other.model', '{"features":["a"],"format":99}', 'format'],
])('%s is a problem at its place, not a crash and not a silent default', async (name, content, words) => {
  if (content !== null) writeFileSync(join(folder, name), content);
  const loaded = await load(name);
  if (loaded.ok) throw new Error('it loaded');
  expect(loaded.problems).toHaveLength(1);
  expect(loaded.problems[0]).toMatchObject({ path: 'difficulty.model', position: { line: 5 } });
  expect(loaded.problems[0]?.message).toMatch(new RegExp(`the difficulty model cannot be used: .*${words}`, 'i'));
});
