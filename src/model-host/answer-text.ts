import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { GatewayError } from '../contract/errors.ts';
import type { Serving } from './answer-chat.ts';
import type { AnswerPlan } from './answer-plan.ts';
import type { FinishReason } from './answer-writer.ts';
import { newAnswerHead, type TokenCounts, toUsage } from './chat-wire.ts';
import { interleave } from './choices.ts';
import { EventStream } from './event-stream.ts';
import { type GenerationPart, generate, tokenBudget } from './generation.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { Borrower } from './sequence-pool.ts';
import type { TextRequest } from './text-request.ts';
import { TextScores } from './text-scores.ts';

/** One piece of one answer. */
type Piece = { index: number; text: string; logprobs: ReturnType<TextScores['take']>; finish: FinishReason | null };

/**
 * Answers one text completion on `response`: the prompt goes to the model as it is, without a chat format. Several prompts
 * and `n` make a list of answers, those of the first prompt first. A client that leaves stops the engine.
 * @param now Unix time in milliseconds.
 * @throws before the first byte: GatewayError, or any engine failure. After it, the error is the last event.
 */
export const answerText = async (
  { loaded, pool, name }: Serving,
  request: TextRequest,
  borrower: Borrower,
  response: ServerResponse,
  now: number,
): Promise<void> => {
  const plans = request.prompts.map((prompt) => planText(loaded, prompt));
  const gone = new AbortController();
  response.once('close', () => gone.abort(new GatewayError('client_closed_request', 'The client left.')));
  const perPrompt = request.n ?? 1;
  const count = plans.length * perPrompt;
  const chance = randomInt(2 ** 32);
  const write = (index: number, signal: AbortSignal) => {
    const plan = plans[Math.floor(index / perPrompt)] as AnswerPlan;
    const generation = {
      plan,
      maxTokens: tokenBudget(loaded, plan, request.maxTokens),
      stops: typeof request.stop === 'string' ? [request.stop] : (request.stop ?? []),
      wantsScores: request.logprobs != null,
      confidenceTokens: 0,
      borrower,
      sampling: toSampling(request, index, chance),
    };
    return generate(loaded, pool, generation, signal);
  };
  const counts: TokenCounts = {
    prompt: plans.reduce((sum, { promptTokens }) => sum + promptTokens.length, 0),
    cached: 0,
    completion: 0,
    reasoning: 0,
  };
  const promptOf = (index: number) => (request.echo ? (request.prompts[Math.floor(index / perPrompt)] as string) : '');
  const pieces = piecesOf(loaded, request, interleave(count, pool.facts.total, write, gone.signal), promptOf, counts);
  const { id, ...common } = newAnswerHead(name, loaded.facts, now);
  const head = { id: id.replace('chatcmpl', 'cmpl'), object: 'text_completion', ...common };
  if (request.stream) await stream(head, request, pieces, counts, response);
  else await collect(head, count, pieces, counts, response);
};

/** @throws GatewayError `context_length_exceeded`. */
const planText = ({ model, contextTokens }: LoadedModel, prompt: string): AnswerPlan => {
  const promptTokens = model.tokenize(prompt);
  const { bos, shouldPrependBosToken } = model.tokens;
  if (bos !== null && (shouldPrependBosToken || promptTokens.length === 0) && promptTokens[0] !== bos) {
    promptTokens.unshift(bos);
  }
  if (promptTokens.length === 0) {
    throw new GatewayError('invalid_value', 'This model cannot go on with an empty prompt.', { param: 'prompt' });
  }
  if (promptTokens.length < contextTokens) {
    return { promptTokens, forcedText: '', startsIn: 'content', marks: null, contentGrammar: null, calls: null };
  }
  throw new GatewayError(
    'context_length_exceeded',
    `This model's maximum context length is ${contextTokens} tokens. However, your prompt resulted in ${promptTokens.length} tokens. Please reduce its length.`,
    { param: 'prompt' },
  );
};

/** OpenAI's defaults, which are not the engine's; each answer draws its own. */
const toSampling = (request: TextRequest, index: number, chance: number) => ({
  temperature: request.temperature ?? 1,
  topP: request.top_p ?? 1,
  topK: request.top_k ?? 0,
  minP: request.min_p ?? 0,
  frequencyPenalty: request.frequency_penalty ?? 0,
  presencePenalty: request.presence_penalty ?? 0,
  seed: Number(BigInt.asUintN(32, BigInt(request.seed ?? chance) + BigInt(index))),
});

async function* piecesOf(
  { model }: LoadedModel,
  request: TextRequest,
  parts: AsyncGenerator<{ index: number; part: GenerationPart }>,
  promptOf: (index: number) => string,
  counts: TokenCounts,
): AsyncGenerator<Piece> {
  const written = new Map<number, number>();
  const scores = new Map<number, TextScores>();
  for await (const { index, part } of parts) {
    if (part.type === 'prompt-read') {
      counts.cached += part.cachedTokens;
      scores.set(index, new TextScores(model, request.logprobs ?? 0, promptOf(index).length));
      if (promptOf(index) !== '') yield { index, text: promptOf(index), logprobs: null, finish: null };
      continue;
    }
    counts.completion += part.completionTokens - (written.get(index) ?? 0);
    written.set(index, part.completionTokens);
    const text = part.deltas.map((delta) => ('text' in delta ? delta.text : '')).join('');
    const logprobs = request.logprobs == null ? null : scores.get(index)!.take(part.scores);
    if (text !== '' || logprobs !== null || part.finish !== null) yield { index, text, logprobs, finish: part.finish };
  }
}

const collect = async (
  head: object,
  count: number,
  pieces: AsyncGenerator<Piece>,
  counts: TokenCounts,
  response: ServerResponse,
): Promise<void> => {
  const choices = Array.from({ length: count }, (_, index) => ({
    index,
    text: '',
    logprobs: null as Piece['logprobs'],
    finish_reason: 'stop' as string,
  }));
  for await (const { index, text, logprobs, finish } of pieces) {
    const choice = choices[index]!;
    choice.text += text;
    choice.logprobs = TextScores.join(choice.logprobs, logprobs);
    choice.finish_reason = finish ?? choice.finish_reason;
  }
  const body = Buffer.from(JSON.stringify({ ...head, choices, usage: toUsage(counts) }));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
};

const stream = async (
  head: object,
  request: TextRequest,
  pieces: AsyncGenerator<Piece>,
  counts: TokenCounts,
  response: ServerResponse,
): Promise<void> => {
  const events = new EventStream(response);
  const includesUsage = request.stream_options?.include_usage === true;
  await events.relay(async () => {
    for await (const { index, text, logprobs, finish } of pieces) {
      const choices = [{ index, text, logprobs, finish_reason: finish }];
      await events.send(JSON.stringify({ ...head, choices, ...(includesUsage && { usage: null }) }));
    }
    if (includesUsage) await events.send(JSON.stringify({ ...head, choices: [], usage: toUsage(counts) }));
  });
};
