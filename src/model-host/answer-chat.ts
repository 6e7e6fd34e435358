import type { ServerResponse } from 'node:http';
import { GatewayError } from '../contract/errors.ts';
import { type LocalChatRequest, toSampling, toStops } from './chat-request.ts';
import { type AnswerHead, newAnswerHead, toChunk, toCompletion, toLogprobs, toUsage } from './chat-wire.ts';
import { EventStream } from './event-stream.ts';
import { type GenerationPart, generate } from './generation.ts';
import type { LoadedModel } from './loaded-model.ts';
import { toPrompt } from './prompt.ts';
import type { ScoredToken } from './sampling.ts';
import type { SequencePool } from './sequence-pool.ts';

/** What answers requests: the model with the sequences that they share. */
export type Serving = { name: string; loaded: LoadedModel; pool: SequencePool };

/**
 * Answers one chat completion on `response`, as server-sent events or as JSON. A client that leaves stops the engine.
 * @param now Unix time in milliseconds.
 * @throws before the first byte: GatewayError, or any engine failure. After it, the error is the last event.
 */
export const answerChat = async (
  serving: Serving,
  request: LocalChatRequest,
  partition: string,
  response: ServerResponse,
  now: number,
): Promise<void> => {
  if (request.model !== serving.name) {
    throw new GatewayError('model_not_found', `The model '${request.model}' does not exist.`, { param: 'model' });
  }
  const promptTokens = toPrompt(serving.loaded, request.messages);
  const gone = new AbortController();
  response.once('close', () => gone.abort(new GatewayError('client_closed_request', 'The client left.')));
  const parts = generate(
    serving.loaded,
    serving.pool,
    {
      promptTokens,
      maxTokens: Math.min(
        request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY,
        serving.loaded.contextTokens - promptTokens.length,
      ),
      sampling: toSampling(request),
      stops: toStops(request),
      topLogprobs: request.logprobs ? (request.top_logprobs ?? 0) : null,
      partition,
    },
    gone.signal,
  );
  const head = newAnswerHead(serving.name, now);
  await (request.stream ? stream : collect)(
    { serving, request, promptTokens: promptTokens.length, head },
    parts,
    response,
  );
};

type Answer = { serving: Serving; request: LocalChatRequest; promptTokens: number; head: AnswerHead };

const collect = async (answer: Answer, parts: AsyncGenerator<GenerationPart>, response: ServerResponse) => {
  let content = '';
  let finishReason = 'stop';
  let completionTokens = 0;
  let cachedTokens = 0;
  const scores: ScoredToken[] = [];
  for await (const part of parts) {
    if (part.type === 'prompt-read') cachedTokens = part.cachedTokens;
    else completionTokens = part.completionTokens;
    if (part.type === 'text-delta') {
      content += part.text;
      scores.push(...part.scores);
    } else if (part.type === 'finish') finishReason = part.reason;
  }
  const logprobs = answer.request.logprobs ? toLogprobs(answer.serving.loaded.model, scores) : null;
  const usage = toUsage(answer.promptTokens, cachedTokens, completionTokens);
  const body = Buffer.from(JSON.stringify(toCompletion(answer.head, content, finishReason, logprobs, usage)));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
};

const stream = async (answer: Answer, parts: AsyncGenerator<GenerationPart>, response: ServerResponse) => {
  const { head, request } = answer;
  const { include_usage: includesUsage, continuous_usage_stats: isContinuous } = request.stream_options ?? {};
  const events = new EventStream(response);
  let cachedTokens = 0;
  let completionTokens = 0;
  const usage = () => toUsage(answer.promptTokens, cachedTokens, completionTokens);
  const send = (delta: { role?: string; content?: string }, finishReason: string | null, scores: ScoredToken[]) => {
    const logprobs = scores.length > 0 ? toLogprobs(answer.serving.loaded.model, scores) : null;
    const chunk = toChunk(head, delta, finishReason, logprobs);
    const running = isContinuous ? { usage: usage() } : includesUsage ? { usage: null } : {};
    return events.send({ ...chunk, ...running });
  };
  await events.relay(async () => {
    for await (const part of parts) {
      if (part.type === 'prompt-read') {
        cachedTokens = part.cachedTokens;
        await send({ role: 'assistant', content: '' }, null, []);
        continue;
      }
      completionTokens = part.completionTokens;
      if (part.type === 'finish') await send({}, part.reason, []);
      else await send({ content: part.text }, null, part.scores);
    }
    if (includesUsage) await events.send({ ...toChunk(head, {}, null, null), choices: [], usage: usage() });
  });
};
