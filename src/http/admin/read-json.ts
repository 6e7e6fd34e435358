import type { Context } from 'hono';
import type { z } from 'zod';
import { GatewayError } from '../../contract/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { parseJson } from '../../lib/parse-json.ts';
import { readBody } from '../read-body.ts';
import type { AdminEnv } from './admin-env.ts';

const LIMITS = { maxBytes: 2 * 1024 * 1024, timeoutMs: 10_000 };

/**
 * The body of a request to the admin API, at most 2 MiB. It must say that it is JSON: a form of another site cannot.
 * @throws GatewayError `invalid_json`, `invalid_value` with the field in `param`, and those of `readBody`.
 */
export const readJson = async <Schema extends z.ZodType>(
  { env, req }: Context<AdminEnv>,
  schema: Schema,
  clock: Clock,
): Promise<z.output<Schema>> => {
  if (!/^application\/json\s*(;|$)/i.test(req.header('content-type') ?? '')) {
    throw new GatewayError('invalid_value', 'Send JSON, with "content-type: application/json".', {
      param: 'content-type',
    });
  }
  const body = await readBody(env.incoming, LIMITS, clock);
  let value: unknown;
  try {
    value = parseJson(body.toString('utf8'));
  } catch {
    throw new GatewayError('invalid_json', 'The request body is not JSON.');
  }
  return checked(schema, value);
};

/** @throws GatewayError `invalid_value` that names the first parameter at fault. */
export const readQuery = <Schema extends z.ZodType>({ req }: Context<AdminEnv>, schema: Schema): z.output<Schema> =>
  checked(schema, req.query());

const checked = <Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknownKey = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const param = [...(issue?.path ?? []), ...(unknownKey === undefined ? [] : [unknownKey])].join('.');
  throw new GatewayError(
    'invalid_value',
    `${param || 'The request'}: ${issue?.message}.`,
    param === '' ? {} : { param },
  );
};
