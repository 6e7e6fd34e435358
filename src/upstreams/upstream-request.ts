import type { ChatRequest } from '../contract/chat-request.ts';
import { spliceJson } from '../lib/json-splice.ts';
import type { Preset } from './presets/preset.ts';

/**
 * The body to send: what the client wrote, with the model's name at this upstream, usage asked for on streams, and the
 * token limit and the `developer` role under the names the upstream knows. Everything else stays byte for byte.
 */
export const toUpstreamBody = (request: ChatRequest, model: string, preset: Preset): string => {
  const edits: Record<string, string | null> = { model: JSON.stringify(model) };
  if (request.isStream) {
    edits['stream_options'] = JSON.stringify({
      ...request.body.stream_options,
      include_usage: true,
      ...(preset.hasRunningUsage && { continuous_usage_stats: true }),
    });
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
