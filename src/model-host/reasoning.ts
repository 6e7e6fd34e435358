import type { LocalChatRequest } from './chat-request.ts';

/** What a family writes around what it thinks before it answers. */
export type ReasoningMarks = { open: string; close: string };

/** By what their chat templates contain; first match wins. */
const FAMILIES: ReasoningMarks[] = [
  { open: '<think>', close: '</think>' },
  { open: '[THINK]', close: '[/THINK]' },
  { open: '<|START_THINKING|>', close: '<|END_THINKING|>' },
  { open: '<seed:think>', close: '</seed:think>' },
];

/** @returns null for a model that answers at once. */
export const reasoningMarksOf = (template: string | null): ReasoningMarks | null =>
  FAMILIES.find(({ close }) => template?.includes(close)) ?? null;

/**
 * What the chat template is told beside the messages: the client's `chat_template_kwargs`, and `reasoning_effort` as
 * templates know it. An explicit `enable_thinking` comes before the effort.
 */
export const toTemplateOptions = (request: LocalChatRequest): Record<string, unknown> => {
  const effort = request.reasoning_effort;
  return {
    ...(effort != null && { enable_thinking: effort !== 'none', reasoning_effort: effort }),
    ...(request.chat_template_kwargs ?? {}),
  };
};
