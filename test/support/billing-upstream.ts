import { AnyUpstream, type SeenRequest, sendJson } from './any-upstream.ts';
import { countPrompt, countText } from './token-counter.ts';

/** What one call is told to do. */
export type Plan = {
  /**
   * `answer`: all of it. `refuse`: a 500 that costs nothing. `cut`: the connection breaks after `share` of the bytes.
   * `stall`: nothing more comes from somewhere behind the first piece on, until the other side leaves. Both are for streams
   * alone.
   */
  fate: 'answer' | 'refuse' | 'cut' | 'stall';
  /** 0 to 1. */
  share: number;
  pieces: readonly string[];
  /** Part of the prompt that comes from the provider's cache. */
  cachedShare: number;
  /** Of each piece, where log-probabilities are asked for. */
  certainty: number;
};

/** One call as a provider would bill it. */
export type Bill = {
  model: string;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
  /** The other side never learnt what it costs: the count comes last, and the call broke off before. */
  isSilent: boolean;
};

/** An event of a stream: its bytes, the text that it adds, and whether it tells the final count. */
type Step = { bytes: string; text?: string; tellsUsage?: boolean };

/**
 * A provider of chat, responses, messages, completions, embeddings, images and transcriptions that keeps its own books:
 * each call is counted as it is produced, in o200k_base. A plan is found by the `case N.` that the request holds.
 */
export class BillingUpstream {
  readonly bills = new Map<number, Bill[]>();
  /** By case, all that its client will see of a stream that stalls. */
  readonly stalled = new Map<number, string>();
  readonly #server: AnyUpstream;

  private constructor(server: AnyUpstream) {
    this.#server = server;
  }

  static async start(planOf: (index: number, model: string) => Plan): Promise<BillingUpstream> {
    const server = await AnyUpstream.start((request) => upstream.#answer(request, planOf));
    const upstream = new BillingUpstream(server);
    return upstream;
  }

  get url(): string {
    return this.#server.url;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  #answer(request: SeenRequest, planOf: (index: number, model: string) => Plan): unknown {
    const index = Number(/case (\d+)\./.exec(request.bytes.toString('utf8'))?.[1]);
    const model = String(request.json['model']);
    const plan = planOf(index, model);
    if (plan.fate === 'refuse')
      return sendJson(request, { error: { message: 'It broke.', type: 'server_error' } }, 500);
    const wire = wireOf(request, plan);
    const bill = (text: string, isBegun: boolean, knowsCache: boolean, isSilent = false) => {
      const told: Bill = {
        model,
        promptTokens: isBegun ? wire.promptTokens : 0,
        cachedTokens: isBegun && knowsCache ? wire.cachedTokens : 0,
        completionTokens: countText(text),
        isSilent,
      };
      this.bills.set(index, [...(this.bills.get(index) ?? []), told]);
    };
    if (wire.steps === null) {
      bill(wire.isSpoken ? plan.pieces.join('') : '', true, true);
      return sendJson(request, wire.plain);
    }
    const { fate, bytes, text, isBegun, tellsUsage } = producedOf(wire.steps, plan, wire.isJudged);
    const isWhole = fate === 'answer';
    bill(text, isBegun, isWhole || tellsUsage || wire.opensWithUsage, wire.isOpaque && !isWhole && !tellsUsage);
    request.response.writeHead(200, { 'content-type': 'text/event-stream' });
    request.response.flushHeaders();
    if (fate === 'stall' && !wire.isJudged) this.stalled.set(index, text);
    if (isWhole) return request.response.end(bytes);
    if (fate === 'stall') return request.response.write(bytes);
    return request.response.write(bytes, () => request.response.socket?.destroy());
  }
}

/** Pieces after which whoever judges an answer has heard enough: a model that is judged says no more by itself. */
export const JUDGED_PIECES = 4;

/** What comes of a stream before it breaks off. */
const producedOf = (steps: Step[], plan: Plan, isJudged: boolean) => {
  const goesOn = plan.pieces.length < JUDGED_PIECES;
  const fate = !isJudged ? plan.fate : goesOn ? 'answer' : 'stall';
  const ends: number[] = [];
  for (const { bytes } of steps) ends.push((ends.at(-1) ?? 0) + Buffer.byteLength(bytes));
  const length = isJudged && !goesOn ? (ends[JUDGED_PIECES] as number) : lengthOf(steps, ends, fate, plan.share);
  const done = steps.filter((_, position) => (ends[position] as number) <= length);
  return {
    fate,
    bytes: Buffer.from(steps.map(({ bytes }) => bytes).join('')).subarray(0, length),
    text: done.map(({ text = '' }) => text).join(''),
    isBegun: done.length > 0,
    tellsUsage: done.some((step) => step.tellsUsage),
  };
};

const lengthOf = (steps: Step[], ends: number[], fate: Plan['fate'], share: number): number => {
  const all = ends.at(-1) as number;
  if (fate === 'answer') return all;
  if (fate === 'cut') return Math.floor(all * share);
  const first = ends[steps.findIndex(({ text }) => text !== undefined)] as number;
  const last = ends[steps.findIndex(({ tellsUsage }) => tellsUsage) - 1] as number;
  return first + Math.floor((last - first) * share);
};

type Wire = {
  /** Null for a plain answer. */
  steps: Step[] | null;
  plain: unknown;
  promptTokens: number;
  cachedTokens: number;
  isSpoken: boolean;
  /** Log-probabilities were asked for. */
  isJudged: boolean;
  /** The first event tells the prompt's count already. */
  opensWithUsage: boolean;
  /** Its events say nothing that could be counted. */
  isOpaque: boolean;
};

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const named = (type: string, value: object) => `event: ${type}\n${data({ type, ...value })}`;

const wireOf = ({ path, json, bytes }: SeenRequest, plan: Plan): Wire => {
  const answer = plan.pieces.join('');
  const completionTokens = countText(answer);
  const wire = (promptTokens: number, made: (cachedTokens: number) => Partial<Wire>): Wire => {
    const cachedTokens = Math.floor(promptTokens * plan.cachedShare);
    return {
      steps: null,
      plain: null,
      promptTokens,
      cachedTokens,
      isSpoken: true,
      isJudged: json['logprobs'] === true,
      opensWithUsage: false,
      isOpaque: false,
      ...made(cachedTokens),
    };
  };
  const isStream = json['stream'] === true;
  const newUsage = (prompt: number, cached: number) => ({
    input_tokens: prompt,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: prompt + completionTokens,
  });
  const oldUsage = (prompt: number, cached: number) => ({
    prompt_tokens: prompt,
    completion_tokens: completionTokens,
    total_tokens: prompt + completionTokens,
    prompt_tokens_details: { cached_tokens: cached },
  });

  if (path.endsWith('/chat/completions')) {
    const messages = json['messages'] as { role: string; content: string }[];
    return wire(countPrompt(messages), (cached) => {
      const usage = oldUsage(countPrompt(messages), cached);
      const common = { id: 'chatcmpl-1', created: 1, model: json['model'] };
      if (!isStream) {
        const message = { role: 'assistant', content: answer, refusal: null };
        const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }];
        return { plain: { ...common, object: 'chat.completion', choices, usage } };
      }
      const chunk = (choices: unknown[], extra: object = {}) =>
        data({ ...common, object: 'chat.completion.chunk', choices, ...extra });
      const delta = (content: object, finish_reason: string | null = null, logprobs: unknown = null) =>
        chunk([{ index: 0, delta: content, logprobs, finish_reason }]);
      const logprobs = (token: string) =>
        json['logprobs'] === true
          ? { content: [{ token, logprob: Math.log(plan.certainty), bytes: null, top_logprobs: [] }] }
          : null;
      return {
        steps: [
          { bytes: delta({ role: 'assistant', content: '' }) },
          ...plan.pieces.map((text) => ({ bytes: delta({ content: text }, null, logprobs(text)), text })),
          { bytes: delta({}, 'stop') },
          { bytes: chunk([], { usage }), tellsUsage: true },
          { bytes: 'data: [DONE]\n\n' },
        ],
      };
    });
  }
  if (path.endsWith('/completions')) {
    return wire(countText(String(json['prompt'])), (cached) => {
      const usage = oldUsage(countText(String(json['prompt'])), cached);
      const common = { id: 'cmpl-1', object: 'text_completion', created: 1, model: json['model'] };
      const choice = (text: string, finish_reason: string | null) => ({
        index: 0,
        text,
        logprobs: null,
        finish_reason,
      });
      if (!isStream) return { plain: { ...common, choices: [choice(answer, 'stop')], usage } };
      return {
        steps: [
          ...plan.pieces.map((text) => ({ bytes: data({ ...common, choices: [choice(text, null)] }), text })),
          { bytes: data({ ...common, choices: [choice('', 'stop')] }) },
          { bytes: data({ ...common, choices: [], usage }), tellsUsage: true },
          { bytes: 'data: [DONE]\n\n' },
        ],
      };
    });
  }
  if (path.endsWith('/messages')) {
    const messages = json['messages'] as { role: string; content: string }[];
    const prompt = countPrompt(messages);
    return wire(prompt, (cached) => {
      const usage = {
        input_tokens: prompt - cached,
        cache_read_input_tokens: cached,
        cache_creation_input_tokens: 0,
        output_tokens: completionTokens,
      };
      const common = { id: 'msg_1', type: 'message', role: 'assistant', model: json['model'], stop_sequence: null };
      const content = [{ type: 'text', text: answer }];
      if (!isStream) return { plain: { ...common, content, stop_reason: 'end_turn', usage } };
      const message = { ...common, content: [], stop_reason: null, usage: { ...usage, output_tokens: 0 } };
      const text = (piece: string) => ({ index: 0, delta: { type: 'text_delta', text: piece } });
      return {
        opensWithUsage: true,
        steps: [
          { bytes: named('message_start', { message }) },
          { bytes: named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) },
          ...plan.pieces.map((piece) => ({ bytes: named('content_block_delta', text(piece)), text: piece })),
          { bytes: named('content_block_stop', { index: 0 }) },
          {
            bytes: named('message_delta', {
              delta: { stop_reason: 'end_turn', stop_sequence: null },
              usage: { output_tokens: completionTokens },
            }),
            tellsUsage: true,
          },
          { bytes: named('message_stop', {}) },
        ],
      };
    });
  }
  if (path.endsWith('/responses')) {
    const prompt = countPrompt([{ role: 'user', content: json['input'] }]);
    return wire(prompt, (cached) => {
      const usage = newUsage(prompt, cached);
      const common = { id: `resp_${crypto.randomUUID()}`, object: 'response', created_at: 1, model: json['model'] };
      const part = { type: 'output_text', text: answer, annotations: [] };
      const message = { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [part] };
      const response = { ...common, status: 'completed', error: null, output: [message], usage };
      if (!isStream) return { plain: response };
      const place = { output_index: 0, content_index: 0, item_id: 'msg_1' };
      return {
        steps: [
          { bytes: named('response.created', { response: { ...common, status: 'in_progress', output: [] } }) },
          { bytes: named('response.output_item.added', { output_index: 0, item: { ...message, content: [] } }) },
          { bytes: named('response.content_part.added', { ...place, part: { ...part, text: '' } }) },
          ...plan.pieces.map((text) => ({
            bytes: named('response.output_text.delta', { ...place, delta: text, logprobs: [] }),
            text,
          })),
          { bytes: named('response.output_text.done', { ...place, text: answer, logprobs: [] }) },
          { bytes: named('response.output_item.done', { output_index: 0, item: message }) },
          { bytes: named('response.completed', { response }), tellsUsage: true },
        ],
      };
    });
  }
  if (path.endsWith('/embeddings')) {
    const inputs = [json['input']].flat() as string[];
    const prompt = inputs.reduce((sum, input) => sum + countText(input), 0);
    return wire(prompt, () => ({
      isSpoken: false,
      cachedTokens: 0,
      plain: {
        object: 'list',
        data: inputs.map((_, index) => ({ object: 'embedding', index, embedding: [0.5, 0.25, index] })),
        model: json['model'],
        usage: { prompt_tokens: prompt, total_tokens: prompt },
      },
    }));
  }
  const prompt = countText(bytes.toString('utf8'));
  if (!isStream)
    return wire(prompt, (cached) => ({ plain: { created: 1, data: [], usage: newUsage(prompt, cached) } }));
  return wire(prompt, (cached) => ({
    isOpaque: true,
    steps: [
      ...plan.pieces.map((text) => ({ bytes: named('transcript.text.delta', { delta: text }), text })),
      { bytes: named('transcript.text.done', { text: answer, usage: newUsage(prompt, cached) }), tellsUsage: true },
    ],
  }));
};
