import { keyViewOf } from '../auth/key-view.ts';
import { TeamScope } from '../auth/team-scope.ts';
import { stateOf, type VirtualKey } from '../auth/virtual-key.ts';
import { CreateKeySchema, RotateKeySchema } from '../contract/admin/keys.ts';
import { toGatewayError } from '../contract/errors.ts';
import { UsageError } from '../lib/usage-error.ts';
import type { CliContext } from './context.ts';
import { withKeys } from './open-keys.ts';
import { table } from './table.ts';

type Common = { dataDir?: string; json?: boolean };

export type CreateOptions = Common & {
  role?: string;
  team?: string;
  route: string[];
  tier: string[];
  model: string[];
  tag: string[];
  requestsPerMinute?: string;
  tokensPerMinute?: string;
  concurrentRequests?: string;
  budget?: string;
  expires?: string;
};

const EVERYTHING = TeamScope.of({ team: null });
const MAX_LISTED = 10_000;

/** `rightsize keys create <name>`: the secret alone on stdout, once. @returns the exit code. */
export const keysCreateCommand = async (name: string, options: CreateOptions, context: CliContext): Promise<number> => {
  if (options.role !== undefined && !['viewer', 'admin'].includes(options.role)) {
    throw new UsageError(`--role must be viewer or admin, not "${options.role}"`);
  }
  const wish = CreateKeySchema.safeParse({
    name,
    kind: options.role ?? 'client',
    ...(options.team !== undefined && { team: options.team }),
    permissions: withoutEmpty({ routes: options.route, tiers: options.tier, models: options.model }),
    limits: withoutEmpty({
      requestsPerMinute: numberOf('--requests-per-minute', options.requestsPerMinute),
      tokensPerMinute: numberOf('--tokens-per-minute', options.tokensPerMinute),
      concurrentRequests: numberOf('--concurrent-requests', options.concurrentRequests),
    }),
    ...(options.budget !== undefined && { budget: budgetOf(options.budget) }),
    tags: Object.fromEntries(options.tag.map(tagOf)),
    ...(options.expires !== undefined && { expiresAt: momentOf(options.expires, context.clock.now()) }),
  });
  if (!wish.success) {
    const [issue] = wish.error.issues;
    throw new UsageError(`${issue?.path.join('.') || 'the key'}: ${issue?.message}`);
  }
  return withKeys(options, context, async ({ manager, actor }) => {
    const { key, secret } = await inWords(manager.create(wish.data, actor));
    return showSecret(key, secret, options, context);
  });
};

/** `rightsize keys list`. @returns the exit code. */
export const keysListCommand = (options: Common & { all?: boolean }, context: CliContext): Promise<number> =>
  withKeys(options, context, async ({ registry }) => {
    const { stdout, clock } = context;
    const now = clock.now();
    const keys = (await registry.list({ scope: EVERYTHING, limit: MAX_LISTED })).filter(
      (key) => options.all || stateOf(key, now) === 'active',
    );
    if (options.json) {
      stdout.write(`${JSON.stringify(keys.map((key) => keyViewOf(key, now)))}\n`);
      return 0;
    }
    const day = (at: number | null) => (at === null ? '-' : new Date(at).toISOString().slice(0, 10));
    const rows = keys.map((key) => [
      ...[key.id, key.kind, key.name, key.team ?? '-', key.hint, stateOf(key, now)],
      ...[day(key.expiresAt), day(key.lastUsedAt)],
    ]);
    stdout.write(table([['id', 'kind', 'name', 'team', 'secret', 'state', 'expires', 'last used'], ...rows]));
    return 0;
  });

/** `rightsize keys rotate <id>`: the new secret alone on stdout, once. @returns the exit code. */
export const keysRotateCommand = (
  id: string,
  options: Common & { overlap: string },
  context: CliContext,
): Promise<number> => {
  const overlapMinutes = durationOf(options.overlap) / 60_000;
  if (!RotateKeySchema.safeParse({ overlapMinutes }).success) throw new UsageError('--overlap is at most 30d');
  return withKeys(options, context, async ({ manager, actor }) => {
    const { key, secret } = await inWords(manager.rotate(id, overlapMinutes * 60_000, actor, EVERYTHING));
    return showSecret(key, secret, options, context);
  });
};

/** `rightsize keys revoke <id>`. @returns the exit code. */
export const keysRevokeCommand = (id: string, options: Common, context: CliContext): Promise<number> =>
  withKeys(options, context, async ({ manager, actor }) => {
    const key = await inWords(manager.revoke(id, actor, EVERYTHING));
    if (options.json) context.stdout.write(`${JSON.stringify(keyViewOf(key, context.clock.now()))}\n`);
    else context.stderr.write(`${id} is revoked.\n`);
    return 0;
  });

const showSecret = (
  key: VirtualKey,
  secret: string,
  { json }: Common,
  { stdout, stderr, clock }: CliContext,
): number => {
  if (json) {
    stdout.write(`${JSON.stringify({ key: keyViewOf(key, clock.now()), secret })}\n`);
    return 0;
  }
  stderr.write(`${key.id}, ${key.kind === 'client' ? `for team ${key.team}` : `a ${key.kind}'s`}; shown only now:\n`);
  stdout.write(`${secret}\n`);
  return 0;
};

/** What the manager refuses is the command line's fault here. */
const inWords = async <Result>(promise: Promise<Result>): Promise<Result> => {
  try {
    return await promise;
  } catch (error) {
    const { code, message } = toGatewayError(error);
    throw code === 'internal_error' ? error : new UsageError(message);
  }
};

const withoutEmpty = (record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  );

const numberOf = (flag: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`${flag} must be a whole number, not "${text}"`);
};

const budgetOf = (text: string): { usd: number; per: string } => {
  const [, usd, per] = /^(\d+(?:\.\d+)?)\/(day|week|month|total)$/.exec(text) ?? [];
  if (usd !== undefined && per !== undefined) return { usd: Number(usd), per };
  throw new UsageError(`--budget must be such as 20/month (day, week, month or total), not "${text}"`);
};

const tagOf = (text: string): [string, string] => {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`--tag must be name=value, not "${text}"`);
};

const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

const durationOf = (text: string): number => {
  const [, amount, unit] = /^(\d{1,6})(m|h|d)$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return Number(amount) * (UNIT_MS[unit] as number);
  throw new UsageError(`"${text}" is no duration such as 90m, 24h or 30d`);
};

/** A duration from now on, or a moment in ISO 8601. */
const momentOf = (text: string, now: number): string => {
  const moment = /^\d{4}-/.test(text) ? Date.parse(text) : now + durationOf(text);
  if (Number.isNaN(moment)) throw new UsageError(`--expires must be such as 30d or 2027-01-31, not "${text}"`);
  return new Date(moment).toISOString();
};
