import { z } from 'zod';
import { checked, parseBody } from '../contract/chat-request.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import { UsageSchema } from '../contract/openai.ts';
import { NO_TOKENS, tokensFromUsage } from '../ledger/tokens.ts';
import { spliceJson } from '../lib/json-splice.ts';
import type { Ports } from '../ports.ts';
import { readForwarded } from '../upstreams/read-forwarded.ts';
import { NamedRequest } from './named-request.ts';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const BodySchema = z.looseObject({
  model: z.string().min(1),
  query: z.string().min(1),
  documents: z.array(z.unknown()).min(1),
});
const AnswerSchema = z.looseObject({ results: z.array(z.unknown()), usage: UsageSchema.nullish() });

/**
 * `POST /v1/rerank`, as Cohere has it and Jina, vLLM and llama.cpp speak it (https://docs.cohere.com/reference/rerank): the
 * model that was named; request and answer pass as they are.
 */
export const createRerank = (ports: Ports) => (incoming: Incoming) =>
  NamedRequest.handle(incoming, ports, async (named): Promise<Reply> => {
    const { text, body } = parseBody(await named.readBody());
    const { model, query, documents } = checked(BodySchema, body);
    const characters = query.length * documents.length + JSON.stringify(documents).length;
    const estimate = Math.ceil(characters / 4);
    const deployments = await named.admit(model, estimate);
    const { candidate, result } = await named.ask(
      deployments,
      '/rerank',
      (at) => ({ body: spliceJson(text, { model: JSON.stringify(at.model) }), isStream: false }),
      async (answer, { upstream }, meter) => {
        const read = await readForwarded(upstream, answer, MAX_ANSWER_BYTES);
        const { data } = AnswerSchema.safeParse(parse(read));
        if (data === undefined) {
          const message = `Upstream "${upstream}" answered with something that is no ranking.`;
          throw new GatewayError('upstream_invalid_response', message, { isRetryable: true });
        }
        const counted = data.usage == null ? null : tokensFromUsage({ completion_tokens: 0, ...data.usage });
        const tokens = counted ?? { ...NO_TOKENS, promptTokens: estimate, isEstimated: true };
        meter.firstToken();
        meter.finish({ outcome: 'ok', upstreamStatus: 200, tokens });
        return read;
      },
    );
    await named.passage.finish({ outcome: 'ok', status: 200 });
    return { kind: 'json', headers: named.passage.headers(candidate, true), text: result };
  });

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};
