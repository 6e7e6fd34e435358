import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import type { TokenCounts } from '../contract/ledger-entry.ts';
import {
  parseTextCompletionRequest,
  type TextCompletion,
  type TextCompletionRequest,
} from '../contract/text-completion.ts';
import type { AttemptMeter } from '../ledger/attempt-meter.ts';
import { estimateCompletionTokens } from '../ledger/estimate-tokens.ts';
import { NO_TOKENS, tokensFromUsage } from '../ledger/tokens.ts';
import { spliceJson } from '../lib/json-splice.ts';
import type { Ports } from '../ports.ts';
import type { Candidate } from '../routing/routing-table.ts';
import { DONE_EVENT, toComment, toEvent, toWireUsage } from '../translate/client-stream.ts';
import { textOfTokenIds } from '../translate/token-ids.ts';
import { readForwarded } from '../upstreams/read-forwarded.ts';
import { parseTextCompletion, readTextStream, type TextPart } from '../upstreams/read-text-stream.ts';
import type { ForwardAnswer } from '../upstreams/upstream.ts';
import { NamedRequest, type Sending } from './named-request.ts';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const PATH = '/completions';

type Plain = { kind: 'plain'; completion: TextCompletion; text: string; tokens: TokenCounts };
type Streamed = {
  kind: 'stream';
  first: TextPart[];
  rest: AsyncGenerator<TextPart[]>;
  counted: Counted;
  meter: AttemptMeter;
};

/**
 * `POST /v1/completions`: the model or the tier that was named, never escalated: editors complete code by it and wait for each
 * keystroke. What the upstream has of `echo`, `logprobs`, `best_of` and `suffix` is up to it.
 */
export const createTextCompletions = (ports: Ports) => (incoming: Incoming) =>
  NamedRequest.handle(incoming, ports, async (named): Promise<Reply> => {
    const request = parseTextCompletionRequest(await named.readBody());
    named.passage.note({ isStream: request.isStream });
    const promptTokens = Math.ceil(request.prompts.reduce((sum, prompt) => sum + prompt.length / 4, 0));
    const answerTokens = request.maxTokens * request.prompts.length;
    const deployments = await named.admit(request.model, promptTokens, { tiers: true, answerTokens });
    const { candidate, result } = await named.ask(
      deployments,
      PATH,
      (at) => toSend(request, at, named),
      (answer, at, meter): Promise<Plain | Streamed> =>
        request.isStream && isEventStream(answer)
          ? beginStream(request, answer, at, meter)
          : readPlain(request, answer, at, meter),
    );
    const { passage } = named;
    if (request.isStream) {
      const events = result.kind === 'stream' ? relay(named, request, candidate, result) : once(named, request, result);
      return { kind: 'stream', headers: passage.headers(candidate, false), events };
    }
    await passage.finish({ outcome: 'ok', status: 200 });
    const { completion, text, tokens } = result as Plain;
    const whole = completion.usage == null ? JSON.stringify({ ...completion, usage: toWireUsage(tokens) }) : text;
    return { kind: 'json', headers: passage.headers(candidate, true), text: whole };
  });

const isEventStream = ({ headers }: ForwardAnswer): boolean =>
  (headers['content-type'] ?? '').includes('text/event-stream');

/** What the client wrote, with the model's name there, usage asked for, and token ids as that upstream reads them. */
const toSend = (request: TextCompletionRequest, { upstream, model }: Candidate, { runtime }: NamedRequest): Sending => {
  const kind = runtime.upstreams.get(upstream)?.kind;
  const edits: Record<string, string | null> = { model: JSON.stringify(model) };
  if (request.isStream) edits['stream_options'] = JSON.stringify({ ...request.streamOptions, include_usage: true });
  if (kind !== 'openai' && kind !== 'azure' && request.prompts.some((prompt) => typeof prompt !== 'string')) {
    const texts = request.prompts.map((prompt, index) =>
      typeof prompt === 'string' ? prompt : textOfTokenIds(prompt, `prompt[${index}]`),
    );
    edits['prompt'] = JSON.stringify(texts.length === 1 ? texts[0] : texts);
  }
  return { body: spliceJson(request.text, edits), isStream: request.isStream };
};

/** What an answer has used so far: the upstream's own count, or an estimate from its texts. */
class Counted {
  readonly #request: TextCompletionRequest;
  #texts: string[] = [];
  #reported: TokenCounts | null = null;
  #last: TextCompletion | null = null;

  constructor(request: TextCompletionRequest) {
    this.#request = request;
  }

  add(chunk: TextCompletion): void {
    this.#last = chunk;
    if (chunk.usage != null) this.#reported = tokensFromUsage(chunk.usage) ?? this.#reported;
    for (const { text } of chunk.choices) if (text) this.#texts.push(text);
  }

  get last(): TextCompletion | null {
    return this.#last;
  }

  get serviceTier(): string | null {
    const tier = this.#last?.['service_tier'];
    return typeof tier === 'string' ? tier : null;
  }

  get tokens(): TokenCounts {
    if (this.#reported !== null) return this.#reported;
    if (this.#last === null) return NO_TOKENS;
    const promptTokens = this.#request.prompts.reduce(
      (sum, prompt) => sum + (typeof prompt === 'string' ? estimateCompletionTokens([prompt]) : prompt.length),
      0,
    );
    return { ...NO_TOKENS, promptTokens, completionTokens: estimateCompletionTokens(this.#texts), isEstimated: true };
  }
}

const readPlain = async (
  request: TextCompletionRequest,
  answer: ForwardAnswer,
  { upstream }: Candidate,
  meter: AttemptMeter,
): Promise<Plain> => {
  const text = await readForwarded(upstream, answer, MAX_ANSWER_BYTES);
  const completion = parseTextCompletion(upstream, text);
  const counted = new Counted(request);
  counted.add(completion);
  meter.firstToken();
  meter.finish({ outcome: 'ok', upstreamStatus: 200, tokens: counted.tokens, serviceTier: counted.serviceTier });
  return { kind: 'plain', completion, text, tokens: counted.tokens };
};

/** Waits for the first of the answer: until then another deployment may be asked. */
const beginStream = async (
  request: TextCompletionRequest,
  { body }: ForwardAnswer,
  { upstream }: Candidate,
  meter: AttemptMeter,
): Promise<Streamed> => {
  const rest = readTextStream(upstream, body);
  const counted = new Counted(request);
  const { value } = await rest.next();
  meter.firstToken();
  return { kind: 'stream', first: value ?? [], rest, counted, meter };
};

async function* relay(
  { passage, ports }: NamedRequest,
  request: TextCompletionRequest,
  candidate: Candidate,
  { first, rest, counted, meter }: Streamed,
): AsyncGenerator<string> {
  let error: GatewayError | null = new GatewayError('client_closed_request', 'The client closed the connection.');
  let hasSentUsage = false;
  const toEvents = (parts: TextPart[]): string => {
    let events = '';
    for (const { text, chunk } of parts) {
      counted.add(chunk);
      const isUsage = chunk.choices.length === 0 && chunk.usage != null;
      if (isUsage && !request.wantsUsage) continue;
      hasSentUsage ||= isUsage;
      events += toEvent(text);
    }
    return events;
  };
  const end = async () => {
    const outcome = error === null ? 'ok' : error.code === 'client_closed_request' ? 'aborted' : 'error';
    const { tokens, serviceTier } = counted;
    meter.finish({ outcome, errorCode: error?.code ?? null, upstreamStatus: 200, tokens, serviceTier });
    await passage.finish({ outcome, status: 200, ...(error && { error }) });
  };
  try {
    const opening = toEvents(first);
    if (opening !== '') yield opening;
    for await (const parts of rest) {
      const events = toEvents(parts);
      if (events !== '') yield events;
    }
    error = null;
    await end();
    const usage = request.wantsUsage && !hasSentUsage ? usageEvent(counted.last, counted.tokens) : '';
    yield usage + trailer(passage.money()) + DONE_EVENT;
  } catch (thrown) {
    error = toGatewayError(thrown);
    ports.health.ended({ upstream: candidate.upstream, model: `${candidate.model} at ${PATH}` }, error);
    await end();
    yield toEvent(JSON.stringify(error.toEnvelope()));
  } finally {
    await end();
    await rest.return(undefined);
  }
}

/** A plain answer to a client that asked for a stream. */
async function* once(
  { passage }: NamedRequest,
  request: TextCompletionRequest,
  { completion, tokens }: Plain,
): AsyncGenerator<string> {
  const { usage: _, ...chunk } = completion;
  await passage.finish({ outcome: 'ok', status: 200 });
  const usage = request.wantsUsage ? usageEvent(completion, tokens) : '';
  yield toEvent(JSON.stringify({ ...chunk, object: 'text_completion' })) +
    usage +
    trailer(passage.money()) +
    DONE_EVENT;
}

const usageEvent = (like: TextCompletion | null, tokens: TokenCounts): string =>
  toEvent(JSON.stringify({ ...like, choices: [], usage: toWireUsage(tokens) }));

const trailer = (money: Record<string, string>): string =>
  Object.entries(money)
    .map(([name, value]) => toComment(`${name}: ${value}`))
    .join('');
