import type { Conversation } from '../contract/conversation.ts';
import { readWindow } from './text-window.ts';

/** What the last message asks for: `text` is bounded (see `readWindow`), `characters` is the unbounded length. */
export type PendingTask = { text: string; characters: number; isFollowUp: boolean };

/** Longer messages say what they want themselves. */
const FOLLOW_UP_CHARACTERS = 80;

/** Short messages that lean on what came before; a thank-you or a new question does not. */
const LEANS_ON_CONTEXT = new RegExp(
  [
    '^(?:yes|yeah|yep|sure|ok|okay|no|please|go (?:on|ahead)|continue|carry on|proceed|more|again|next|then|and|but|also|now|why|how so|do (?:it|so|that)|try)\\b',
    '^(?:what|how) about\\b',
    '^(?:ja|weiter|mach|bitte|und|jetzt|oui|continue[zr]?|vas-y|et|encore|s[ií]|contin[uú]a|sigue|adelante|y|ahora)(?![a-zà-ü])',
    '^(?:继续|好的?|是的?|对|可以|再|请继续|はい|続け)',
    '\\b(?:it|that|this|those|them|the (?:same|rest|previous|above|second|first|last))\\b',
  ].join('|'),
  'i',
);
const CLOSES_CONTEXT = /^\W*(?:thanks|thank you|thx|danke|merci|gracias|谢谢|bye|goodbye)/i;

/**
 * Finds the task behind the last user message. A short follow-up ("yes, go on") takes over the user message among the
 * two turns before it, so it is as hard as what it continues; system and tool turns are passed over.
 * Without any user message the task is empty. Never throws.
 */
export const findPendingTask = (conversation: Conversation): PendingTask => {
  const { turns } = conversation;
  const lastIndex = turns.findLastIndex((turn) => turn.role === 'user');
  const last = turns[lastIndex]?.text ?? '';
  const text = readWindow(last);
  const trimmed = text.trim();
  const leans =
    trimmed.length <= FOLLOW_UP_CHARACTERS && LEANS_ON_CONTEXT.test(trimmed) && !CLOSES_CONTEXT.test(trimmed);
  const earlier = leans ? findEarlierUserText(conversation, lastIndex) : undefined;
  if (earlier === undefined) return { text, characters: last.length, isFollowUp: false };
  return {
    text: `${readWindow(earlier)}\n${text}`,
    characters: earlier.length + 1 + last.length,
    isFollowUp: true,
  };
};

const findEarlierUserText = ({ turns }: Conversation, before: number): string | undefined => {
  let seen = 0;
  for (let i = before - 1; i >= 0 && seen < 2; i--) {
    const turn = turns[i]!;
    if (turn.role === 'user') return turn.text;
    if (turn.role === 'assistant') seen++;
  }
  return undefined;
};
