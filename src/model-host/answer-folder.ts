import type { LlamaModel } from 'node-llama-cpp';
import type { ChatCompletion, WireMessage, WireToolCall } from '../contract/openai.ts';
import type { FinishReason, Step } from './answer-writer.ts';
import { toLogprobs, toWireDelta } from './chat-wire.ts';
import type { TokenScore } from './token-score.ts';

type Options = { model: LlamaModel; index: number; isLegacy: boolean; wantsScores: boolean; alternatives: number };

/** Collects the steps of one answer into a choice of a plain body: what a stream shows, put together. */
export class AnswerFolder {
  readonly #options: Options;
  readonly #scores: TokenScore[] = [];
  readonly #calls: WireToolCall[] = [];
  #content = '';
  #reasoning = '';
  #finish: FinishReason = 'stop';

  constructor(options: Options) {
    this.#options = options;
  }

  push({ deltas, scores, finish }: Step): void {
    this.#scores.push(...scores);
    this.#finish = finish ?? this.#finish;
    for (const delta of deltas) {
      if (delta.type === 'content') this.#content += delta.text;
      else if (delta.type === 'reasoning') this.#reasoning += delta.text;
      else if (delta.type === 'arguments-delta') this.#calls.at(-1)!.function!.arguments += delta.text;
      else {
        const { index: _, ...call } = toWireDelta(delta, false).tool_calls![0]!;
        this.#calls.push(call);
      }
    }
  }

  toChoice(): ChatCompletion['choices'][number] {
    const { model, index, isLegacy, wantsScores, alternatives } = this.#options;
    return {
      index,
      message: this.#toMessage(isLegacy),
      finish_reason: toWireFinish(this.#finish, isLegacy),
      logprobs: wantsScores ? toLogprobs(model, this.#scores, alternatives) : null,
    };
  }

  #toMessage(isLegacy: boolean): WireMessage {
    const hasCalls = this.#calls.length > 0;
    const calls = isLegacy ? { function_call: this.#calls[0]?.function } : { tool_calls: this.#calls };
    return {
      role: 'assistant',
      content: hasCalls && this.#content === '' ? null : this.#content,
      refusal: null,
      ...(this.#reasoning !== '' && { reasoning_content: this.#reasoning }),
      ...(hasCalls && calls),
    };
  }
}

export const toWireFinish = (finish: FinishReason, isLegacy: boolean): string =>
  finish === 'tool_calls' && isLegacy ? 'function_call' : finish;
