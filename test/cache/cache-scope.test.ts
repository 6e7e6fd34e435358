import { expect, test } from 'vitest';
import { cacheScopes } from '../../src/cache-scope.ts';
import { loadConfig } from '../../src/config/load.ts';
import { compileRoutingTable } from '../../src/routing/routing-table.ts';
import { twoTierRoutes } from '../support/start-gateway.ts';

const scopesOf = async (small: string) => {
  const text = Buffer.from(JSON.stringify(twoTierRoutes({ small, large: 'http://large.test/v1' })));
  const loaded = await loadConfig({ file: 'routes.yaml', environment: {}, readFile: async () => text });
  if (!loaded.ok) throw new Error('the routes of the test are wrong');
  const { config } = loaded;
  return cacheScopes({ config, table: compileRoutingTable(config) });
};
const selection = { route: null, forcedTier: null, pinned: null } as never;
const anyone = { keyId: null, team: 'a' };

test('a scope names every model that may answer and where it is', async () => {
  const scopeOf = await scopesOf('http://small.test/v1');
  expect(scopeOf(anyone, selection)).toEqual({
    team: 'a',
    route: 'direct',
    forcedTier: null,
    models: [
      '["small",["up-small","small-1","openai-compatible http://small.test/v1"]]',
      '["large",["up-large","vendor/large-1","openai-compatible http://large.test/v1"]]',
    ],
  });
  expect((await scopesOf('http://other.test/v1'))(anyone, selection).models).not.toEqual(
    scopeOf(anyone, selection).models,
  );
});

test('a key that may use fewer models has a scope of its own', async () => {
  const scopeOf = await scopesOf('http://small.test/v1');
  const { models } = scopeOf({ ...anyone, permissions: { models: ['small-1'] } as never }, selection);
  expect(models).toEqual(['["small",["up-small","small-1","openai-compatible http://small.test/v1"]]', '["large"]']);
});

test('what does not depend on the request is made once', async () => {
  const scopeOf = await scopesOf('http://small.test/v1');
  expect(scopeOf({ keyId: 'k', team: 'b' }, selection).models).toBe(scopeOf(anyone, selection).models);
});
