import type { TokenCounts } from '../../contract/ledger-entry.ts';
import type { ChatCompletion, WireMessage } from '../../contract/openai.ts';
import { parseJson } from '../../lib/parse-json.ts';
import { toStopReason } from './stop-reason.ts';
import { toMessagesUsage } from './usage.ts';

/** A plain answer of chat as Anthropic's message. @param showsThoughts whether the client asked for thinking. */
export const fromChat = (
  { model, choices }: ChatCompletion,
  { id, tokens, showsThoughts }: { id: string; tokens: TokenCounts; showsThoughts: boolean },
): object => {
  const [choice] = choices;
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: blocksOf(choice?.message ?? {}, showsThoughts),
    stop_reason: toStopReason(choice?.finish_reason),
    stop_sequence: null,
    usage: toMessagesUsage(tokens),
  };
};

const blocksOf = (message: WireMessage, showsThoughts: boolean): object[] => {
  const thought = message.reasoning_content ?? message.reasoning;
  const text = (message.content ?? '') + (message.refusal ?? '');
  return [
    ...(thought && showsThoughts ? [{ type: 'thinking', thinking: thought, signature: '' }] : []),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...(message.tool_calls ?? []).map(({ id, function: call }) => ({
      type: 'tool_use',
      id,
      name: call?.name,
      input: toInput(call?.arguments),
    })),
  ];
};

/** Arguments are an object there; what a model wrote that is none stays to be seen. */
const toInput = (text: string | undefined): object => {
  try {
    const value: unknown = parseJson(text || '{}');
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  return { arguments: text };
};
