import { type Context, Hono } from 'hono';
import { keyViewOf } from '../../auth/key-view.ts';
import type { VirtualKey } from '../../auth/virtual-key.ts';
import {
  CreateKeySchema,
  type KeyList,
  type KeyView,
  type NewSecret,
  RotateKeySchema,
  UpdateKeySchema,
} from '../../contract/admin/keys.ts';
import { GatewayError } from '../../contract/errors.ts';
import type { RoutingTable } from '../../routing/routing-table.ts';
import { actorOf } from './actor.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { readJson } from './read-json.ts';

/** Keys shown at most; the oldest are left out beyond it. */
const MAX_LISTED = 10_000;

/** Virtual keys, and the admin keys of people: list, make, change, rotate, revoke. */
export const keyRoutes = ({ registry, manager, runtime, clock }: AdminOptions): Hono<AdminEnv> => {
  const view = (key: VirtualKey) => keyViewOf(key, clock.now());
  const shown = (key: VirtualKey, secret: string): NewSecret => ({
    key: view(key),
    secret,
    warnings: warningsOf(key, runtime().table),
  });
  return new Hono<AdminEnv>()
    .get('/', async (context) => {
      const keys = await registry.list({ scope: context.var.scope, limit: MAX_LISTED });
      return context.json({ keys: keys.map(view) } satisfies KeyList);
    })
    .post('/', async (context) => {
      const wish = await readJson(context, CreateKeySchema, clock);
      const { key, secret } = await manager.create(wish, actorOf(context));
      return context.json(shown(key, secret), 201);
    })
    .get('/:id', async (context) => {
      const key = await registry.find(context.req.param('id'), context.var.scope);
      if (key === null) throw new GatewayError('not_found', 'No key has that id.');
      return withVersion(context, view(key));
    })
    .patch('/:id', async (context) => {
      const wish = await readJson(context, UpdateKeySchema, clock);
      const { scope } = context.var;
      const key = await manager.update(
        context.req.param('id'),
        wish,
        actorOf(context),
        scope,
        expectedVersion(context),
      );
      return withVersion(context, view(key));
    })
    .delete('/:id', async (context) => {
      const key = await manager.revoke(context.req.param('id'), actorOf(context), context.var.scope);
      return context.json(view(key));
    })
    .post('/:id/rotate', async (context) => {
      const { overlapMinutes } = await readJson(context, RotateKeySchema, clock);
      const { scope } = context.var;
      const { key, secret } = await manager.rotate(
        context.req.param('id'),
        overlapMinutes * 60_000,
        actorOf(context),
        scope,
      );
      return context.json(shown(key, secret));
    });
};

const withVersion = (context: Context<AdminEnv>, key: KeyView) => {
  context.header('etag', `"${key.version}"`);
  return context.json(key);
};

/** The version that `if-match` names (RFC 9110, section 13.1.1); undefined without it. */
const expectedVersion = ({ req }: Context<AdminEnv>): number | undefined => {
  const header = req.header('if-match');
  if (header === undefined || header.trim() === '*') return undefined;
  const version = /^\s*"(\d{1,15})"\s*$/.exec(header)?.[1];
  if (version !== undefined) return Number(version);
  throw new GatewayError('invalid_value', 'if-match must be the etag of a key, such as "3".', { param: 'if-match' });
};

/** Names that routes.yaml does not know: they are no mistake by themselves, for the file may follow. */
const warningsOf = (
  { kind, team, permissions }: VirtualKey,
  { routes, tiers, candidates, models, teams }: RoutingTable,
): string[] => {
  if (kind === 'admin') return [];
  const known = {
    route: routes.map(({ name }) => name),
    tier: tiers.map(({ name }) => name),
    model: [...models.keys(), ...candidates.flatMap(({ upstream, model }) => [model, `${upstream}/${model}`])],
  };
  const unknown = (what: keyof typeof known, names: string[] = []) =>
    names.filter((name) => !known[what].includes(name)).map((name) => `routes.yaml has no ${what} "${name}"`);
  return [
    ...(team === null || team === 'default' || Object.hasOwn(teams, team)
      ? []
      : [`routes.yaml has no team "${team}", so no limits of a team apply`]),
    ...unknown('route', permissions.routes),
    ...unknown('tier', permissions.tiers),
    ...unknown('model', permissions.models),
  ];
};
