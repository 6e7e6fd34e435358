import { expect, test } from 'vitest';
import { diffConfig } from '../../src/config/diff.ts';
import { loadConfig } from '../../src/config/load.ts';

const BASE = `version: 1
upstreams:
  ollama: { kind: ollama }
  openai: { kind: openai, apiKey: first-secret, headers: { x-secret: first-secret } }
tiers:
  - { name: small, models: [{ upstream: ollama, model: x }] }
  - { name: large, models: [{ upstream: openai, model: gpt-5.1 }] }
routes:
  - { name: code, match: { model: code }, tier: large }
  - { name: default, difficulty: { threshold: 0.5 } }
teams: { research: { limits: { requestsPerMinute: 60 } } }
`;

const load = async (text: string) => {
  const result = await loadConfig({ file: 'x.yaml', environment: {}, readFile: async () => Buffer.from(text) });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
};

test.each<[string, string, string[]]>([
  ['', '', []],
  ['threshold: 0.5', 'threshold: 0.6', ['route `default` changed: difficulty.threshold 0.5 -> 0.6']],
  [
    'threshold: 0.5 }',
    'largeShare: 0.3 }',
    ['route `default` changed: difficulty.threshold 0.5 -> unset, difficulty.largeShare unset -> 0.3'],
  ],
  ['tier: large', 'tier: small', ['route `code` changed: tier large -> small']],
  ['first-secret', 'other-secret', ['upstream `openai` changed: apiKey']],
  ['x-secret: first-secret', 'x-secret: other', ['upstream `openai` changed: headers.x-secret']],
  ['  ollama: { kind: ollama }', '  ollama: { kind: ollama }\n  vllm: { kind: vllm }', ['upstream `vllm` added']],
  ['teams: { research: { limits: { requestsPerMinute: 60 } } }', '', ['team `research` removed']],
  ['requestsPerMinute: 60', 'requestsPerMinute: 90', ['team `research` changed: limits.requestsPerMinute 60 -> 90']],
  ['  - { name: code, match: { model: code }, tier: large }\n', '', ['route `code` removed']],
  [
    '  - { name: code, match: { model: code }, tier: large }\n  - { name: default, difficulty: { threshold: 0.5 } }\n',
    '  - { name: default, difficulty: { threshold: 0.5 } }\n  - { name: code, match: { model: code }, tier: large }\n',
    ['routes reordered: default, code'],
  ],
  ['teams:', 'tests: [{ prompt: hello, expect: { tier: small } }]\nteams:', ['tests changed']],
])('%j to %j', async (before, after, lines) => {
  expect(diffConfig(await load(BASE), await load(BASE.replace(before, after)))).toEqual(lines);
});
