import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import { parseWeights } from '../difficulty/weights.ts';
import type { Recording } from '../ledger/recording.ts';
import { newId } from '../lib/id.ts';
import { UsageError } from '../lib/usage-error.ts';
import { hasRecordings, openRecordingsFile } from '../open-recordings.ts';
import { configFileOf, dataDirOf } from '../settings.ts';
import type { CliContext } from './context.ts';
import { withKeys } from './open-keys.ts';
import { parseSince } from './since.ts';

export type ExportOptions = {
  config?: string;
  since?: string;
  until?: string;
  route?: string[];
  team?: string;
  tier?: string;
  escalated?: boolean;
  format?: string;
  dataDir?: string;
};

const FORMATS = { openai: toFineTuning, full: toFull } as const;

/**
 * `rightsize export`: recorded requests with their answers as JSON lines, oldest first. Only of routes that say `record:` in
 * the routes.yaml of now, whatever is stored. Each export is in the audit log, before its first line.
 * @returns 0. @throws UsageError; ConfigError.
 */
export const exportCommand = async (options: ExportOptions, context: CliContext): Promise<number> => {
  const { environment, clock, stdout, stderr } = context;
  const write = FORMATS[(options.format ?? 'openai') as keyof typeof FORMATS];
  if (write === undefined) throw new UsageError(`--format ${options.format}: choose openai or full`);
  const now = clock.now();
  const file = configFileOf(options.config, environment);
  const loaded = await loadConfig({ file, environment, checkModel: parseWeights });
  if (!loaded.ok) throw new ConfigError(file, loaded.problems);
  const agreed = loaded.config.routes.routes.filter(({ record }) => record !== undefined).map(({ name }) => name);
  const refused = options.route?.find((name) => !agreed.includes(name));
  if (refused !== undefined) {
    throw new UsageError(`route "${refused}" has no \`record: prompts\` in ${file}: nothing of it is exported`);
  }
  const query = {
    routes: options.route?.length ? options.route : agreed,
    fromMs: parseSince(options.since ?? '30d', now),
    toMs: options.until === undefined ? now + 1 : parseSince(options.until, now),
    team: options.team ?? null,
    tier: options.tier ?? null,
    isEscalated: options.escalated === true,
  };
  const directory = dataDirOf(options.dataDir, environment);
  if (query.routes.length === 0) {
    stderr.write(`No route of ${file} says \`record: prompts\`: nothing is exported.\n`);
    return 0;
  }
  if (!hasRecordings(directory)) {
    stderr.write('Nothing is recorded yet: it begins with the first request of a route that says `record: prompts`.\n');
    return 0;
  }
  await withKeys({ dataDir: directory }, context, ({ registry, actor }) =>
    registry.appendAudit({
      id: newId('aud', now),
      at: new Date(now).toISOString(),
      ...actor,
      action: 'recordings.export',
      target: 'recordings',
      before: null,
      after: { ...query, format: options.format ?? 'openai' },
    }),
  );
  const recordings = openRecordingsFile(directory);
  let count = 0;
  try {
    for await (const recording of recordings.read(query, now)) {
      if (!stdout.write(`${JSON.stringify(write(recording))}\n`)) {
        await new Promise((resolve) => stdout.once('drain', resolve));
      }
      count++;
    }
  } finally {
    await recordings.close();
  }
  stderr.write(`${count} recorded requests of ${query.routes.join(', ')}.\n`);
  return 0;
};

/** OpenAI's format for fine-tuning of chat models (https://platform.openai.com/docs/guides/supervised-fine-tuning). */
function toFineTuning({ request, answer }: Recording): object {
  const { messages, tools, parallel_tool_calls } = request as { messages: object[]; [key: string]: unknown };
  const { content, tool_calls, refusal } = answer;
  const message = {
    role: 'assistant',
    ...(content != null && { content }),
    ...(tool_calls != null && { tool_calls }),
    ...(refusal != null && { refusal }),
  };
  return {
    messages: [...messages, message],
    ...(tools !== undefined && { tools }),
    ...(parallel_tool_calls !== undefined && { parallel_tool_calls }),
  };
}

/** Everything but the key: for evaluation. */
function toFull({ id, at, team, route, tier, upstream, model, difficulty, isEscalated, request, answer }: Recording) {
  const when = new Date(at).toISOString();
  return { id, at: when, team, route, tier, upstream, model, difficulty, escalated: isEscalated, request, answer };
}
