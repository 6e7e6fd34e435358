import type { Conversation } from '../../src/contract/conversation.ts';

/** A conversation of alternating turns that ends with the user, without tools, images or settings. */
export const conversationOf = (...texts: string[]): Conversation => ({
  turns: texts.map((text, i) => ({ role: (texts.length - 1 - i) % 2 === 0 ? 'user' : 'assistant', text })),
  toolCount: 0,
  imageCount: 0,
  wantsJson: false,
  reasoningEffort: null,
});
