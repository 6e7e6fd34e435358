import type { ChatMessage } from '../contract/openai.ts';
import { spliceJson } from '../lib/json-splice.ts';
import { fitParameters } from './fit-parameters.ts';
import { functionsAsTools, withCallIds } from './legacy-functions.ts';
import { PARAMETERS } from './presets/parameters.ts';
import type { Preset } from './presets/preset.ts';
import { refuseRemoteMedia } from './refuse-remote-media.ts';
import type { ChatCall } from './upstream.ts';

/** The margin is the distance of the two likeliest tokens. */
const CERTAINTY_ALTERNATIVES = 2;

/**
 * The body to send: what the client wrote, with the model's name at this upstream, usage asked for on streams, its
 * parameters as the upstream knows them (`presets/parameters.ts`), and so the `developer` role. Everything else stays byte for byte.
 * @throws GatewayError `unsupported_parameter` for what this kind of upstream cannot honour.
 */
export const toUpstreamBody = (
  { request, model, isStream, certaintyTokens }: Omit<ChatCall, 'signal' | 'partition' | 'session'>,
  preset: Preset,
): string => {
  refuseRemoteMedia(request.body, preset.kind);
  const fitted = fitParameters(request, preset.kind, model);
  const edits: Record<string, string | null> = { ...fitted.edits, model: JSON.stringify(model) };
  if (isStream) {
    if (!request.isStream) edits['stream'] = 'true';
    edits['stream_options'] = JSON.stringify({
      ...request.body.stream_options,
      include_usage: true,
      ...(preset.hasRunningUsage && { continuous_usage_stats: true }),
    });
  }
  if (certaintyTokens !== undefined) {
    if (preset.tellsConfidence) {
      edits['rightsize_confidence'] = JSON.stringify({ tokens: certaintyTokens });
    } else if (PARAMETERS[preset.kind]['logprobs'] === undefined) {
      edits['logprobs'] = 'true';
      edits['top_logprobs'] = String(Math.max(CERTAINTY_ALTERNATIVES, request.body.top_logprobs ?? 0));
    }
  }
  let messages: ChatMessage[] | null = null;
  const { body } = request;
  if (fitted.asTools) {
    Object.assign(edits, functionsAsTools(body));
    messages = withCallIds(body.messages);
  }
  if (preset.developerRole === 'system' && body.messages.some(({ role }) => role === 'developer')) {
    messages = (messages ?? body.messages).map((message) =>
      message.role === 'developer' ? { ...message, role: 'system' as const } : message,
    );
  }
  if (preset.refusesReasoning && (messages ?? body.messages).some(hasReasoning)) {
    messages = (messages ?? body.messages).map(withoutReasoning);
  }
  if (messages !== null) edits['messages'] = JSON.stringify(messages);
  return spliceJson(request.text, edits);
};

/** Under the names by which answers carry it. */
const REASONING = ['reasoning_content', 'reasoning', 'reasoning_details'];

const hasReasoning = (message: ChatMessage): boolean => REASONING.some((name) => Object.hasOwn(message, name));

const withoutReasoning = (message: ChatMessage): ChatMessage =>
  hasReasoning(message)
    ? (Object.fromEntries(Object.entries(message).filter(([name]) => !REASONING.includes(name))) as ChatMessage)
    : message;
