import type { ServerResponse } from 'node:http';
import { GatewayError } from '../contract/errors.ts';
import type { ChatCompletionChunk, WireMessage } from '../contract/openai.ts';
import { AnswerFolder, toWireFinish } from './answer-folder.ts';
import { planAnswer } from './answer-plan.ts';
import { type LocalChatRequest, toSampling, toStops } from './chat-request.ts';
import {
  type AnswerHead,
  chunkWriter,
  newAnswerHead,
  type TokenCounts,
  toChunkChoice,
  toLogprobs,
  toUsage,
  toWireDelta,
} from './chat-wire.ts';
import { interleave, type OfChoice } from './choices.ts';
import type { Confidence } from './confidence.ts';
import { EventStream } from './event-stream.ts';
import { type GenerationPart, generate, tokenBudget } from './generation.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { Borrower, SequencePool } from './sequence-pool.ts';
import type { TokenScore } from './token-score.ts';

/** What answers requests: the model with the sequences that they share. */
export type Serving = { name: string; loaded: LoadedModel; pool: SequencePool };

/**
 * Answers one chat completion on `response`, as server-sent events or as JSON. A client that leaves stops the engine.
 * @param borrower whose prefixes may be reused.
 * @param now Unix time in milliseconds.
 * @throws before the first byte: GatewayError, or any engine failure. After it, the error is the last event.
 */
export const answerChat = async (
  serving: Serving,
  request: LocalChatRequest,
  borrower: Borrower,
  response: ServerResponse,
  now: number,
): Promise<void> => {
  const { loaded, pool, name } = serving;
  if (request.model !== name) {
    throw new GatewayError('model_not_found', `The model '${request.model}' does not exist.`, { param: 'model' });
  }
  const plan = await planAnswer(loaded, request);
  const gone = new AbortController();
  response.once('close', () => gone.abort(new GatewayError('client_closed_request', 'The client left.')));
  const asked = request.max_completion_tokens ?? request.max_tokens ?? null;
  const common = {
    plan,
    maxTokens: tokenBudget(loaded, plan, asked),
    stops: toStops(request),
    wantsScores: request.logprobs === true,
    confidenceTokens: request.rightsize_confidence?.tokens ?? 0,
    borrower,
  };
  const count = request.n ?? 1;
  const write = (index: number, signal: AbortSignal) =>
    generate(loaded, pool, { ...common, sampling: toSampling(request, index) }, signal);
  const parts = interleave(count, pool.facts.total, write, gone.signal);
  const answer: Answer = {
    loaded,
    request,
    head: newAnswerHead(name, loaded.facts, now),
    count,
    isLegacy: plan.calls?.isLegacy ?? false,
    tally: new Tally(plan.promptTokens.length),
  };
  await (request.stream ? stream : collect)(answer, parts, response);
};

type Answer = {
  loaded: LoadedModel;
  request: LocalChatRequest;
  head: AnswerHead;
  count: number;
  isLegacy: boolean;
  tally: Tally;
};
type Parts = AsyncGenerator<OfChoice<GenerationPart>>;

/** Tokens of all choices together; the prompt counts once. */
class Tally {
  readonly #promptTokens: number;
  readonly #choices = new Map<number, { completion: number; reasoning: number }>();
  #cached = 0;

  constructor(promptTokens: number) {
    this.#promptTokens = promptTokens;
  }

  note({ index, part }: OfChoice<GenerationPart>): void {
    if (part.type === 'prompt-read') {
      if (index === 0) this.#cached = part.cachedTokens;
    } else this.#choices.set(index, { completion: part.completionTokens, reasoning: part.reasoningTokens });
  }

  get counts(): TokenCounts {
    const all = [...this.#choices.values()];
    return {
      prompt: this.#promptTokens,
      cached: this.#cached,
      completion: all.reduce((sum, { completion }) => sum + completion, 0),
      reasoning: all.reduce((sum, { reasoning }) => sum + reasoning, 0),
    };
  }
}

const collect = async (answer: Answer, parts: Parts, response: ServerResponse): Promise<void> => {
  const { request, head, loaded, isLegacy, tally } = answer;
  const folders = Array.from(
    { length: answer.count },
    (_, index) =>
      new AnswerFolder({
        model: loaded.model,
        index,
        isLegacy,
        wantsScores: request.logprobs === true,
        alternatives: request.top_logprobs ?? 0,
      }),
  );
  let confidence: Confidence | null = null;
  for await (const each of parts) {
    tally.note(each);
    if (each.part.type !== 'step') continue;
    folders[each.index]!.push(each.part);
    confidence ??= each.part.confidence;
  }
  const choices = folders.map((folder) => folder.toChoice());
  const extension = confidence && { rightsize: { confidence } };
  const completion = { ...head, object: 'chat.completion', choices, usage: toUsage(tally.counts), ...extension };
  const body = Buffer.from(JSON.stringify(completion));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
};

const stream = async (answer: Answer, parts: Parts, response: ServerResponse): Promise<void> => {
  const { head, request, loaded, isLegacy, tally } = answer;
  const { include_usage: includesUsage, continuous_usage_stats: isContinuous } = request.stream_options ?? {};
  const events = new EventStream(response);
  const toText = chunkWriter(head);
  const send = (choice: ChatCompletionChunk['choices'][number], confidence: Confidence | null = null) =>
    events.send(
      toText({
        choices: [choice],
        ...(isContinuous ? { usage: toUsage(tally.counts) } : includesUsage ? { usage: null } : {}),
        ...(confidence && { rightsize: { confidence } }),
      }),
    );
  const logprobs = (scores: TokenScore[]) =>
    scores.length > 0 ? toLogprobs(loaded.model, scores, request.top_logprobs ?? 0) : null;

  await events.relay(async () => {
    for await (const each of parts) {
      tally.note(each);
      const { index, part } = each;
      if (part.type === 'prompt-read') {
        await send(toChunkChoice(index, { role: 'assistant', content: '' }, null, null));
        continue;
      }
      const deltas: WireMessage[] = part.deltas.map((delta) => toWireDelta(delta, isLegacy));
      const hasMore = part.scores.length > 0 || part.confidence !== null;
      if (deltas.length === 0 && (part.finish === null || hasMore)) deltas.push({ content: '' });
      for (const [position, delta] of deltas.entries()) {
        const isLast = position === deltas.length - 1;
        const scores = isLast ? logprobs(part.scores) : null;
        await send(toChunkChoice(index, delta, null, scores), isLast ? part.confidence : null);
      }
      if (part.finish) await send(toChunkChoice(index, {}, toWireFinish(part.finish, isLegacy), null));
    }
    if (includesUsage) await events.send(toText({ choices: [], usage: toUsage(tally.counts) }));
  });
};
