import type { ChatRequest } from '../contract/chat-request.ts';
import { hasContent, spentText } from '../contract/chunk-content.ts';
import type { GatewayError } from '../contract/errors.ts';
import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { ChatCompletion, ChatCompletionChunk } from '../contract/openai.ts';
import type { AttemptMeter } from './attempt-meter.ts';
import { estimateCompletionTokens, estimatePromptTokens } from './estimate-tokens.ts';
import { NO_TOKENS, tokensFromUsage } from './tokens.ts';

/** No single answer costs as much: what is beyond is a fault. */
const MOST_USD = 100_000;

/**
 * Counts what one attempt used while its answer passes by: the upstream's own usage where it sends it, else an estimate
 * from the texts. An attempt that was cut short counts what had come.
 */
export class AttemptRecorder {
  readonly #meter: AttemptMeter;
  readonly #request: ChatRequest;
  #reported: TokenCounts | null = null;
  #texts: string[] = [];
  /** Text has come since the last count: it is not in it. */
  #isCountOld = false;
  #wasAnswered = false;
  #serviceTier: string | null = null;
  #toldCostUsd: number | null = null;

  constructor(meter: AttemptMeter, request: ChatRequest) {
    this.#meter = meter;
    this.#request = request;
  }

  /** A chunk of a streamed answer came. */
  chunk(chunk: ChatCompletionChunk): void {
    this.#wasAnswered = true;
    this.#noteTier(chunk);
    const counted = chunk.usage == null ? null : tokensFromUsage(chunk.usage);
    this.#noteCost(chunk);
    if (counted !== null) {
      this.#reported = counted;
      this.#isCountOld = false;
    }
    for (const { delta } of chunk.choices) {
      const text = spentText(delta);
      if (text === '') continue;
      this.#texts.push(text);
      this.#isCountOld ||= counted === null;
    }
    if (hasContent(chunk)) this.#meter.firstToken();
  }

  /** A plain answer came. */
  completion(completion: ChatCompletion): void {
    this.#wasAnswered = true;
    this.#meter.firstToken();
    this.#noteTier(completion);
    this.#noteCost(completion);
    if (completion.usage != null) this.#reported = tokensFromUsage(completion.usage);
    this.#texts = completion.choices.map(({ message }) => spentText(message));
  }

  /** Tokens used so far. */
  get tokens(): TokenCounts {
    if (this.#reported !== null && !this.#isCountOld) return this.#reported;
    if (!this.#wasAnswered) return NO_TOKENS;
    if (this.#reported !== null) return this.#withTexts(this.#reported);
    return {
      ...NO_TOKENS,
      promptTokens: estimatePromptTokens(this.#request.body),
      completionTokens: estimateCompletionTokens(this.#texts),
      isEstimated: true,
    };
  }

  /** Some count the prompt when they begin and the answer when it ends: one that breaks off has its texts beside that. */
  #withTexts(begun: TokenCounts): TokenCounts {
    const completionTokens = Math.max(begun.completionTokens, estimateCompletionTokens(this.#texts));
    return { ...begun, completionTokens, isEstimated: true };
  }

  /** Milliseconds from the call to its first content; null before that. */
  get firstContentMs(): number | null {
    return this.#meter.record().firstTokenMs;
  }

  /** The client gets this attempt's answer. */
  serve(): void {
    this.#meter.serve();
  }

  /** The answer was not sure enough, and was broken off before anyone saw it. What it used is paid all the same. */
  escalate(): void {
    this.#meter.finish({
      outcome: 'escalated',
      upstreamStatus: 200,
      tokens: this.tokens,
      serviceTier: this.#serviceTier,
      toldCostUsd: this.#toldCostUsd,
    });
  }

  succeed(): void {
    this.#meter.finish({
      outcome: 'ok',
      upstreamStatus: 200,
      tokens: this.tokens,
      serviceTier: this.#serviceTier,
      toldCostUsd: this.#toldCostUsd,
    });
  }

  fail(error: GatewayError): void {
    this.#meter.finish({
      outcome: error.code === 'client_closed_request' ? 'aborted' : 'error',
      errorCode: error.code,
      upstreamStatus: this.#wasAnswered ? 200 : (error.upstreamStatus ?? null),
      tokens: this.tokens,
      serviceTier: this.#serviceTier,
      toldCostUsd: this.#toldCostUsd,
    });
  }

  /** OpenRouter's `cost`, in USD (https://openrouter.ai/docs/use-cases/usage-accounting). */
  #noteCost({ usage }: ChatCompletion | ChatCompletionChunk): void {
    const cost = usage?.['cost'];
    if (typeof cost === 'number' && cost >= 0 && cost < MOST_USD) this.#toldCostUsd = cost;
  }

  #noteTier({ service_tier }: ChatCompletion | ChatCompletionChunk): void {
    if (typeof service_tier === 'string') this.#serviceTier = service_tier;
  }
}
