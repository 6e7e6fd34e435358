import { z } from 'zod';
import { checked, parseBody } from '../contract/chat-request.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import type { Ports } from '../ports.ts';
import { NamedRequest } from './named-request.ts';

const FeedbackSchema = z.looseObject({
  request_id: z.string().min(1).max(200),
  verdict: z.enum(['good', 'bad']),
});
type Feedback = z.infer<typeof FeedbackSchema>;

/**
 * `POST /v1/rightsize/feedback` `{request_id, verdict}`: what a client says of one of its last answers. `bad` takes the
 * question out of the semantic cache at once; `good` counts as a check where the answer was found by meaning. Says in
 * `entry` what became of it: `removed`, `noted`, or `none` where the request had to do with no entry, or too long ago.
 * Limited and recorded like any other request; costs nothing.
 */
export const createFeedback =
  (ports: Ports) =>
  (incoming: Incoming): Promise<Reply> =>
    NamedRequest.handle(incoming, ports, async (named) => {
      await named.limit();
      if (!/^application\/json\s*(;|$)/i.test(String(incoming.headers['content-type']))) {
        throw new GatewayError('invalid_value', 'Send JSON, with "content-type: application/json".', {
          param: 'content-type',
        });
      }
      const feedback = checked(FeedbackSchema, parseBody(await named.readBody()).body) as Feedback;
      const entry = await take(feedback, named.caller.team, ports.semantic);
      const { request_id, verdict } = feedback;
      named.passage.because([`feedback ${verdict}, entry ${entry}`]);
      await named.passage.finish({ outcome: 'ok', status: 200 });
      const text = JSON.stringify({ object: 'rightsize.feedback', request_id, verdict, entry });
      return { kind: 'json', headers: named.passage.headers(null, true), text };
    });

const take = async (
  { request_id, verdict }: Feedback,
  team: string,
  { store, figures, served }: Ports['semantic'],
): Promise<'removed' | 'noted' | 'none'> => {
  const found = await served.find(request_id, team);
  if (found === null) return 'none';
  const { partition, key, similarity } = found;
  figures.note(partition.route, `feedback-${verdict}`);
  if (verdict === 'bad') return (await store.remove(partition, key)) ? 'removed' : 'none';
  if (similarity === null) return 'none';
  return (await store.observe(partition, key, { similarity, isRight: true })) ? 'noted' : 'none';
};
