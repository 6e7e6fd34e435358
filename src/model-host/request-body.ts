import { z } from 'zod';
import { GatewayError } from '../contract/errors.ts';

/**
 * A request's body, parsed once and for all.
 * @throws GatewayError `invalid_json`, or `invalid_value` that names the field.
 */
export const parseBody = <Schema extends z.ZodType>(schema: Schema, text: string): z.infer<Schema> => {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new GatewayError('invalid_json', `The body is not valid JSON: ${(error as Error).message}`);
  }
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const param = z.core.toDotPath(issue.path);
  throw new GatewayError('invalid_value', `${param || 'body'}: ${issue.message}`, param === '' ? {} : { param });
};
