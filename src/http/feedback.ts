import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { z } from 'zod';
import { authenticate } from '../auth/authenticate.ts';
import type { KeyStore } from '../auth/key-store.ts';
import { checked, parseBody } from '../contract/chat-request.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Ports } from '../ports.ts';
import { type BodyLimits, readBody } from './read-body.ts';

export type FeedbackOptions = {
  keys: KeyStore;
  semantic: Ports['semantic'];
  clock: Clock;
  bodyLimits: BodyLimits;
};

const FeedbackSchema = z.looseObject({
  request_id: z.string().min(1).max(200),
  verdict: z.enum(['good', 'bad']),
});

/**
 * `POST /v1/rightsize/feedback` `{request_id, verdict}`: what a client says of one of its last answers. `bad` takes the
 * question out of the semantic cache at once; `good` counts as a check where the answer was found by meaning. Says in
 * `entry` what became of it: `removed`, `noted`, or `none` where the request had to do with no entry, or too long ago.
 */
export const createFeedback =
  ({ keys, semantic, clock, bodyLimits }: FeedbackOptions) =>
  async (context: Context<{ Bindings: HttpBindings }>): Promise<Response> => {
    const { headers } = context.env.incoming;
    const { team } = await authenticate(headers, keys);
    if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
      throw new GatewayError('invalid_value', 'Send JSON, with "content-type: application/json".', {
        param: 'content-type',
      });
    }
    const bytes = await readBody(context.env.incoming as IncomingMessage, bodyLimits, clock);
    const { request_id: id, verdict } = checked(FeedbackSchema, parseBody(bytes).body) as z.infer<
      typeof FeedbackSchema
    >;
    const served = await semantic.served.find(id, team);
    if (served === null) return context.json({ object: 'rightsize.feedback', request_id: id, verdict, entry: 'none' });
    const { partition, key, similarity } = served;
    semantic.figures.note(partition.route, `feedback-${verdict}`);
    let entry = 'none';
    if (verdict === 'bad') {
      if (await semantic.store.remove(partition, key)) entry = 'removed';
    } else if (similarity !== null) {
      await semantic.store.observe(partition, key, { similarity, isRight: true });
      entry = 'noted';
    }
    return context.json({ object: 'rightsize.feedback', request_id: id, verdict, entry });
  };
