import { checked, parseBody } from '../contract/chat-request.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import { estimatePromptTokens } from '../ledger/estimate-tokens.ts';
import { NO_TOKENS } from '../ledger/tokens.ts';
import { spliceJson } from '../lib/json-splice.ts';
import type { Ports } from '../ports.ts';
import type { Candidate } from '../routing/routing-table.ts';
import { toMessagesFailure } from '../translate/messages/failure.ts';
import { toNativeForm } from '../translate/messages/native-form.ts';
import { CountBodySchema } from '../translate/messages/request-body.ts';
import { toChat } from '../translate/messages/to-chat.ts';
import { readForwarded, refusalOf } from '../upstreams/read-forwarded.ts';
import { NamedRequest } from './named-request.ts';

const MAX_ANSWER_BYTES = 64 * 1024;
const PATH = '/messages/count_tokens';

/**
 * `POST /v1/messages/count_tokens` (https://docs.anthropic.com/en/api/messages-count-tokens): asked of the model's own
 * upstream where that speaks Anthropic's format, else estimated with OpenAI's encoding. Costs nothing.
 */
export const createCountTokens =
  (ports: Ports) =>
  async (incoming: Incoming): Promise<Reply> => {
    const reply = await NamedRequest.handle(incoming, ports, async (named): Promise<Reply> => {
      const { text, body: parsed } = parseBody(await named.readBody());
      const body = checked(CountBodySchema, parsed);
      const { body: chat, need } = toChat(body);
      named.passage.note({ requestedModel: body.model });
      const native = named.runtime.table.candidates.filter(
        ({ apis, model }) => model === body.model && apis.has('messages'),
      );
      const { headers } = toNativeForm(text, body, need, incoming.headers);
      await named.limit();
      const counted = native.length === 0 ? null : await ask(named, native, headers, text).catch(() => null);
      const answer = counted ?? JSON.stringify({ input_tokens: estimatePromptTokens(chat) });
      await named.passage.finish({ outcome: 'ok', status: 200 });
      return { kind: 'json', headers: named.passage.headers(null, true), text: answer };
    });
    return reply.kind === 'failure' ? { ...reply, text: toMessagesFailure(reply.error) } : reply;
  };

/** The count of the first upstream that gives one. */
const ask = async (
  named: NamedRequest,
  deployments: Candidate[],
  headers: Readonly<Record<string, string>>,
  text: string,
): Promise<string> => {
  const { result } = await named.ask(
    deployments,
    PATH,
    ({ model }) => ({
      body: spliceJson(text, { model: JSON.stringify(model) }),
      isStream: false,
      as: { method: 'POST', path: PATH, headers: { ...headers, 'content-type': 'application/json' } },
    }),
    async (answer, { upstream }, meter) => {
      if (answer.status !== 200) throw await refusalOf(upstream, answer);
      const counted = await readForwarded(upstream, answer, MAX_ANSWER_BYTES);
      meter.finish({ outcome: 'ok', upstreamStatus: 200, tokens: NO_TOKENS });
      return counted;
    },
    { spends: false },
  );
  return result;
};
