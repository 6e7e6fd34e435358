import { z } from 'zod';
import { duration } from './schema-values.ts';

const keptResponses = {
  store: z.boolean().meta({
    description: 'Keep responses, unless their client says `store: false`. Without it no `previous_response_id` works.',
  }),
  ttl: duration.meta({ description: 'How long a response is kept after it was made, or last gone on from.' }),
};
/** What the file says of all routes. */
export const ResponsesSchema = z.strictObject({
  keepIn: z.enum(['file', 'redis']).default('file').meta({
    description:
      'Where: `file`, in the data directory of each gateway, or `redis`, for all gateways that share `REDIS_URL`. Read at the start.',
  }),
  store: keptResponses.store.default(true),
  ttl: keptResponses.ttl.prefault('30d'),
});

/** What a route says, before what the file says. */
export const RouteResponsesSchema = z.strictObject({
  store: keptResponses.store.optional(),
  ttl: keptResponses.ttl.optional(),
});

export type ResponsesConfig = z.infer<typeof ResponsesSchema>;
