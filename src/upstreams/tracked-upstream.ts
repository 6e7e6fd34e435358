import type { ChatAnswer, ChatCall, ForwardAnswer, ForwardCall, Upstream, UpstreamState } from './upstream.ts';

/**
 * An upstream whose uses are counted: `begin` is called before each call, and what it returns once when that call's
 * answer has ended, failed or was left. A local model is loaded by the first and may be unloaded after the last.
 */
export class TrackedUpstream implements Upstream {
  readonly name: string;
  readonly kind: Upstream['kind'];
  readonly apis: Upstream['apis'];
  readonly #upstream: Upstream;
  readonly #begin: () => () => void;

  constructor(upstream: Upstream, begin: () => () => void) {
    this.name = upstream.name;
    this.kind = upstream.kind;
    this.apis = upstream.apis;
    this.#upstream = upstream;
    this.#begin = begin;
  }

  state(): UpstreamState {
    return this.#upstream.state();
  }

  async chat(call: ChatCall): Promise<ChatAnswer> {
    const end = this.#begin();
    let answer: ChatAnswer | undefined;
    try {
      answer = await this.#upstream.chat(call);
    } finally {
      if (answer?.kind !== 'stream') end();
    }
    if (answer.kind === 'plain') return answer;
    // A stream that nobody begins to read ends with its call.
    call.signal.addEventListener('abort', end, { once: true });
    return { kind: 'stream', parts: endAfter(answer.parts, end) };
  }

  async forward(call: ForwardCall): Promise<ForwardAnswer> {
    const end = this.#begin();
    try {
      const answer = await this.#upstream.forward(call);
      call.signal.addEventListener('abort', end, { once: true });
      return { ...answer, body: endAfter(answer.body, end) };
    } catch (error) {
      end();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }
}

async function* endAfter<Part>(parts: AsyncIterable<Part>, end: () => void): AsyncGenerator<Part> {
  try {
    yield* parts;
  } finally {
    end();
  }
}
