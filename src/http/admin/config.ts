import { access, constants } from 'node:fs/promises';
import { type Context, Hono } from 'hono';
import { readConfigText } from '../../config/config-text.ts';
import { type ConfigChange, toFinding } from '../../config-editor.ts';
import type { ConfigView } from '../../contract/admin/config.ts';
import { type ConfigCheck, type ConfigHistory, ConfigTextSchema } from '../../contract/admin/config-change.ts';
import { GatewayError } from '../../contract/errors.ts';
import { newId } from '../../lib/id.ts';
import { actorOf } from './actor.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { readJson } from './read-json.ts';

/** routes.yaml as it is on disk, what of it is in force, what became of it, and how to change it. */
export const configRoutes = (options: AdminOptions): Hono<AdminEnv> => {
  const { editor, configHistory, registry, clock } = options;
  return new Hono<AdminEnv>()
    .get('/', async (context) => showConfig(context, options))
    .put('/', async (context) => {
      const { text } = await readJson(context, ConfigTextSchema, clock);
      const actor = actorOf(context);
      const audit = ({ file, before, after, changes }: ConfigChange) => {
        const now = clock.now();
        return registry.appendAudit({
          id: newId('aud', now),
          at: new Date(now).toISOString(),
          ...actor,
          action: 'config.update',
          target: file,
          before: { version: before },
          after: { version: after, changes },
        });
      };
      const check = await editor.save(text, expectedVersion(context), actor.actor, audit);
      if (check.ok) return showConfig(context, options);
      const error = new GatewayError('config_invalid', 'The configuration has problems, and was not written.');
      return context.json({ ...error.toEnvelope(), ...check }, 422);
    })
    .post('/check', async (context) => {
      const { text } = await readJson(context, ConfigTextSchema, clock);
      return context.json((await editor.check(text)) satisfies ConfigCheck);
    })
    .get('/history', async (context) => context.json({ loads: await configHistory.list() } satisfies ConfigHistory));
};

const showConfig = async (context: Context<AdminEnv>, { runtime, configStatus }: AdminOptions) => {
  const { file, warnings } = runtime().config;
  const { version, loadedAt, problems } = configStatus();
  const found = await readConfigText(file);
  if (found !== null) context.header('etag', `"${found.version}"`);
  const isWritable = await access(file, constants.W_OK).then(
    () => true,
    () => false,
  );
  return context.json({
    file,
    text: found === null ? null : context.var.caller.role === 'admin' ? found.text : found.maskedText,
    textVersion: found?.version ?? null,
    version,
    loadedAt: new Date(loadedAt).toISOString(),
    isWritable,
    problems: problems.map(toFinding),
    warnings: warnings.map(toFinding),
  } satisfies ConfigView);
};

/** The version that `if-match` names: without it two editors would overwrite each other. */
const expectedVersion = ({ req }: Context<AdminEnv>): string => {
  const version = /^\s*"([0-9a-f]{12})"\s*$/.exec(req.header('if-match') ?? '')?.[1];
  if (version !== undefined) return version;
  throw new GatewayError('invalid_value', 'if-match must be the etag of the configuration that was edited.', {
    param: 'if-match',
  });
};
