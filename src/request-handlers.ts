import { BackgroundResponses } from './background-responses.ts';
import type { ReplyFlights } from './cache/reply-flights.ts';
import type { Incoming } from './contract/incoming.ts';
import { chatDialect } from './dialects/chat.ts';
import type { Dialect } from './dialects/dialect.ts';
import { messagesDialect } from './dialects/messages.ts';
import { createResponsesDialect } from './dialects/responses.ts';
import { createCountTokens } from './endpoints/count-tokens.ts';
import { createEmbeddings } from './endpoints/embeddings.ts';
import { createFeedback } from './endpoints/feedback.ts';
import { createPassThrough } from './endpoints/pass-through.ts';
import { createRerank } from './endpoints/rerank.ts';
import { createTextCompletions } from './endpoints/text-completions.ts';
import { createIdempotency } from './idempotency.ts';
import { createPipeline } from './pipeline.ts';
import type { Ports } from './ports.ts';
import type { ResponseStore } from './responses/response-store.ts';

/** All that answers requests below `/v1`, by their paths, and what goes before the pipeline. */
export const createRequestHandlers = (
  ports: Ports,
  { replies, responses }: { replies: ReplyFlights; responses: ResponseStore },
) => {
  const { clock, logger } = ports;
  const answerOnce = createIdempotency(ports, replies);
  const pipeline = createPipeline(ports);
  const textCompletions = createTextCompletions(ports);
  const settings = () => ports.runtime().config.routes.responses;
  const dialectFor = (background?: { id: string; createdAt: number }) =>
    createResponsesDialect({ store: responses, settings, clock, logger, ...(background && { background }) });
  const responsesDialect = dialectFor();
  const background = new BackgroundResponses({
    ports,
    store: responses,
    settings,
    pipeline,
    dialect: responsesDialect,
    dialectFor,
  });
  const infer = (incoming: Incoming, dialect: Dialect) =>
    dialect === responsesDialect ? background.handle(incoming) : pipeline(incoming, dialect);
  return {
    pipeline: (incoming: Incoming, dialect: Dialect) =>
      answerOnce(incoming, (each) => infer(each, dialect), dialect.failure),
    inference: [
      { path: '/chat/completions', dialect: chatDialect },
      { path: '/messages', dialect: messagesDialect },
      { path: '/responses', dialect: responsesDialect },
    ],
    endpoints: [
      { path: '/embeddings', answer: createEmbeddings(ports) },
      { path: '/completions', answer: (incoming: Incoming) => answerOnce(incoming, textCompletions) },
      { path: '/messages/count_tokens', answer: createCountTokens(ports) },
      { path: '/rerank', answer: createRerank(ports) },
      { path: '/rightsize/feedback', answer: createFeedback(ports) },
    ],
    passThrough: createPassThrough(ports),
    responses,
    responsesDialect,
    background,
  };
};
