import { access, constants } from 'node:fs/promises';
import { Hono } from 'hono';
import { readConfigText } from '../../config/config-text.ts';
import type { ConfigProblem } from '../../config/loaded-config.ts';
import type { ConfigFinding, ConfigView } from '../../contract/admin/config.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';

/** routes.yaml as it is on disk, and what of it is in force. */
export const configRoutes = ({ runtime, configStatus }: AdminOptions): Hono<AdminEnv> =>
  new Hono<AdminEnv>().get('/', async (context) => {
    const { file, warnings } = runtime().config;
    const { version, loadedAt, problems } = configStatus();
    const found = await readConfigText(file);
    if (found !== null) context.header('etag', `"${found.version}"`);
    const view: ConfigView = {
      file,
      text: found === null ? null : context.var.caller.role === 'admin' ? found.text : found.maskedText,
      textVersion: found?.version ?? null,
      version,
      loadedAt: new Date(loadedAt).toISOString(),
      isWritable: await access(file, constants.W_OK).then(
        () => true,
        () => false,
      ),
      problems: problems.map(toFinding),
      warnings: warnings.map(toFinding),
    };
    return context.json(view);
  });

const toFinding = ({ path, message, position, excerpt }: ConfigProblem): ConfigFinding => ({
  path,
  message,
  ...position,
  excerpt,
});
