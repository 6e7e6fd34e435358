import { spliceJson } from '../lib/json-splice.ts';
import type { Preset } from './presets/preset.ts';
import type { ChatCall } from './upstream.ts';

/** The margin is the distance of the two likeliest tokens. */
const CERTAINTY_ALTERNATIVES = 2;

/**
 * The body to send: what the client wrote, with the model's name at this upstream, usage asked for on streams, and the
 * token limit and the `developer` role under the names the upstream knows. Everything else stays byte for byte.
 */
export const toUpstreamBody = (
  { request, model, isStream, certaintyTokens }: Omit<ChatCall, 'signal' | 'partition' | 'session'>,
  preset: Preset,
): string => {
  const edits: Record<string, string | null> = { model: JSON.stringify(model) };
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
    } else {
      edits['logprobs'] = 'true';
      edits['top_logprobs'] = String(Math.max(CERTAINTY_ALTERNATIVES, request.body.top_logprobs ?? 0));
    }
  }
  if (preset.maxTokensField !== 'as-sent') {
    const limit = request.body.max_completion_tokens ?? request.body.max_tokens;
    const other = preset.maxTokensField === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
    if (limit != null && request.body[other] !== undefined) {
      edits[other] = null;
      edits[preset.maxTokensField] = String(limit);
    }
  }
  if (preset.developerRole === 'system' && request.body.messages.some(({ role }) => role === 'developer')) {
    const messages = request.body.messages.map((message) =>
      message.role === 'developer' ? { ...message, role: 'system' } : message,
    );
    edits['messages'] = JSON.stringify(messages);
  }
  return spliceJson(request.text, edits);
};
