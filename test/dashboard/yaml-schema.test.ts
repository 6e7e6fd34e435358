import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { keysAt } from '../../src/dashboard/lib/yaml-schema.ts';

const schema = JSON.parse(readFileSync('src/config/routes.schema.json', 'utf8'));

/** What is offered where the text has `|`. */
const offered = (text: string): string[] =>
  keysAt(schema, text.replace('|', ''), text.indexOf('|')).map(({ name }) => name);

test.each([
  ['at the top', 'version: 1\n|', ['upstreams', 'tiers', 'routes', 'teams', 'tests']],
  ['in an upstream', 'upstreams:\n  openai:\n    |', ['kind', 'url', 'limits']],
  ['in an entry of a list', 'routes:\n  - name: a\n    |', ['match', 'difficulty', 'tier', 'cache']],
  ['in a mapping of one line', 'routes:\n  - { name: a, cache: { |', ['ttl', 'semantic']],
  ['in a list of one line', 'tiers:\n  - name: a\n    models: [{ upstream: x, |', ['model', 'price']],
  ['after a mapping of one line', 'routes:\n  - { name: a, cache: { ttl: 1h }, |', ['match', 'tier']],
  ['in a budget of a team', 'teams:\n  red:\n    budget:\n      |', ['usd', 'per', 'onExceeded']],
  ['for a value', 'upstreams:\n  openai:\n    kind: |', ['openai-compatible', 'ollama']],
])('the editor offers %s what may stand there', (_place, text, names) => {
  expect(offered(text)).toEqual(expect.arrayContaining(names));
});

test('the editor offers nothing that may not stand there', () => {
  expect(offered('upstreams:\n  openai:\n    |')).not.toContain('routes');
  expect(offered('routes:\n  - { name: a, cache: { |')).not.toContain('match');
});
