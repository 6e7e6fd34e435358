/** Why an answer ended, in chat's words and in Anthropic's (https://docs.anthropic.com/en/api/handling-stop-reasons). */
const TO_MESSAGES: Record<string, string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
};

const TO_CHAT: Record<string, string> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

export const toStopReason = (finishReason: string | null | undefined): string =>
  TO_MESSAGES[finishReason ?? 'stop'] ?? 'end_turn';

export const toFinishReason = (stopReason: string): string => TO_CHAT[stopReason] ?? 'stop';
