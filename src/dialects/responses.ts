import type { ResponsesConfig } from '../config/responses-schema.ts';
import { type ChatRequest, checked, parseBody } from '../contract/chat-request.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { ResponseStore } from '../responses/response-store.ts';
import { toNativeForm } from '../translate/responses/native-form.ts';
import { type Item, inputItems, type ResponsesBody, ResponsesBodySchema } from '../translate/responses/request-body.ts';
import { toChatRequest } from '../translate/responses/to-chat-request.ts';
import type { AnswerFacts, Dialect, RequestOrigin } from './dialect.ts';
import { type LoadedHistory, loadHistory } from './response-history.ts';
import { ResponseKeeper } from './response-keeper.ts';
import { ResponseWriter } from './response-writer.ts';
import { translatedRequest } from './translated-request.ts';

export type ResponsesDialectOptions = {
  store: ResponseStore;
  /** What routes.yaml says for all routes, at this moment. */
  settings(): ResponsesConfig;
  clock: Clock;
  logger: Logger;
  /** The one response that is made in the background; without it such requests are refused. */
  background?: { id: string; createdAt: number };
};

/**
 * OpenAI's responses (https://platform.openai.com/docs/api-reference/responses). What a request goes on from is kept by
 * the gateway, by team, so a chain may move from one upstream to another.
 */
export const createResponsesDialect = (options: ResponsesDialectOptions): Dialect => ({
  async read(bytes, origin) {
    const { text, body: parsed } = parseBody(bytes);
    const body = checked(ResponsesBodySchema, parsed);
    refuseContradictions(body, options);
    const history = await loadHistory(body, origin.team, options.store);
    const own = inputItems(body).map((item) =>
      item.type === 'item_reference' ? (history.references.get(item.id ?? '')?.item ?? item) : item,
    );
    const { body: chat, wire, kinds, need } = toChatRequest(body, own, history.context);
    const native = toNativeForm(text, body, need, history);
    const request = translatedRequest(body, { body: chat, wire, native, chain: chainOf(history) });
    const answer = (facts: AnswerFacts) => {
      const keeper = new ResponseKeeper(keepingOf(options, body, own, origin, facts), options);
      return new ResponseWriter({
        request: body,
        kinds,
        keeper,
        id: options.background?.id,
        now: () => options.background?.createdAt ?? options.clock.now(),
      });
    };
    return { chat: request, answer };
  },
  failure: (error) => error.relay?.body ?? JSON.stringify(error.toEnvelope()),
});

const refuseContradictions = (body: ResponsesBody, { background }: ResponsesDialectOptions): void => {
  if (body.background === true && background === undefined) {
    const message = 'Nothing is done in the background here.';
    throw new GatewayError('unsupported_parameter', message, { param: 'background' });
  }
  if (body.conversation != null && body.previous_response_id != null) {
    const message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'.";
    throw new GatewayError('invalid_value', message, { param: 'previous_response_id' });
  }
};

const chainOf = ({ last, maker }: LoadedHistory): NonNullable<ChatRequest['chain']> => ({
  session: last?.session ?? null,
  home: maker,
});

const keepingOf = (
  { settings }: ResponsesDialectOptions,
  body: ResponsesBody,
  input: readonly Item[],
  { team }: RequestOrigin,
  { served, route, session }: AnswerFacts,
) => {
  const { store, ttl } = { ...settings(), ...route?.responses };
  const isKept = store && body.store !== false;
  return { team, isKept, ttlMs: ttl, served, session, previousId: body.previous_response_id ?? null, input };
};
