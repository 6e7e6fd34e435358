import { completionToChunks } from '../contract/completion-to-chunks.ts';
import type { GatewayError } from '../contract/errors.ts';
import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import { newId } from '../lib/id.ts';
import { spliceJson } from '../lib/json-splice.ts';
import type { Answer } from '../passage.ts';
import { AnswerBuilder } from '../translate/responses/answer-builder.ts';
import { NativePassage } from '../translate/responses/native-passage.ts';
import type { ToolKind } from '../translate/responses/read-tools.ts';
import type { ResponsesBody } from '../translate/responses/request-body.ts';
import type { AnswerWriter } from './dialect.ts';
import type { ResponseKeeper } from './response-keeper.ts';

export type ResponseWriterOptions = {
  request: ResponsesBody;
  kinds: ReadonlyMap<string, ToolKind>;
  keeper: ResponseKeeper;
  /** The id that its client was told already, where the response is made in the background. */
  id?: string | undefined;
  /** Unix milliseconds. */
  now(): number;
};

/** Writes an answer as a response: translated from chat, or word for word where the upstream spoke responses. */
export class ResponseWriter implements AnswerWriter {
  readonly #keeper: ResponseKeeper;
  readonly #id: string;
  /** Unix seconds. */
  readonly #createdAt: number;
  readonly #isKnown: boolean;
  readonly #builder: AnswerBuilder;
  #native: NativePassage | null = null;

  constructor({ request, kinds, keeper, id, now }: ResponseWriterOptions) {
    this.#keeper = keeper;
    this.#id = id ?? newId('resp', now());
    this.#isKnown = id !== undefined;
    this.#createdAt = Math.floor(now() / 1000);
    const frame = { id: this.#id, createdAt: this.#createdAt, request, isStored: keeper.isKept };
    this.#builder = new AnswerBuilder({ frame, kinds, newItemId: (prefix) => newId(prefix, now()) });
  }

  async plain({ completion, native, recorder }: Answer & { kind: 'plain' }): Promise<string> {
    if (native !== undefined && this.#isKnown) {
      const text = spliceJson(native, {
        id: JSON.stringify(this.#id),
        created_at: String(this.#createdAt),
        background: 'true',
      });
      // The upstream knows it by another id.
      await this.#keeper.keep(this.#id, text, false);
      return text;
    }
    if (native !== undefined) {
      await this.#keeper.keep(completion.id, native, true);
      return native;
    }
    for (const chunk of completionToChunks(completion)) this.#builder.add(chunk);
    const text = JSON.stringify(this.#builder.end(recorder.tokens).response);
    await this.#keeper.keep(this.#id, text, false);
    return text;
  }

  events(parts: StreamPart[]): string {
    let events = '';
    for (const { chunk, native } of parts) {
      if (native === undefined) events += this.#builder.add(chunk);
      else {
        this.#native ??= new NativePassage();
        events += this.#native.pass(native);
      }
    }
    return events;
  }

  async end(tokens: TokenCounts, trailer: string): Promise<string> {
    if (this.#native !== null) {
      const { last, id, response } = this.#native.end();
      await this.#keeper.keep(id, response, true);
      return trailer + last;
    }
    const { events, last, response } = this.#builder.end(tokens);
    await this.#keeper.keep(this.#id, JSON.stringify(response), false);
    return events + trailer + last;
  }

  fail(error: GatewayError): string {
    return this.#native?.fail(error) ?? this.#builder.fail(error);
  }
}
