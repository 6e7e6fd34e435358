import { createHash } from 'node:crypto';
import { z } from 'zod';
import { toConversation as conversationOf } from '../contract/chat-request.ts';
import type { Conversation } from '../contract/conversation.ts';
import { ChatMessageSchema } from '../contract/openai.ts';

/** A prompt to be scored: a text, or the fields of a chat completions request. Other fields are ignored. */
export const PromptRowSchema = z
  .object({
    id: z.union([z.string(), z.number()]),
    prompt: z.string().nullish(),
    messages: z.array(ChatMessageSchema).nullish(),
    tools: z.array(z.looseObject({ type: z.string() })).nullish(),
    response_format: z.looseObject({ type: z.string() }).nullish(),
    reasoning_effort: z.string().nullish(),
  })
  .refine((row) => typeof row.prompt === 'string' || row.messages != null, { message: 'needs a prompt or messages' });
export type PromptRow = z.infer<typeof PromptRowSchema>;

const score = z.number().min(0).max(1).nullish();

/** A prompt with how well a weaker and a stronger model answered it; the means are over several models of each tier. */
export const LabelledRowSchema = PromptRowSchema.safeExtend({
  source: z.string().nullish(),
  /** What the prompt is typical of, where the source mixes kinds. */
  kind: z.string().nullish(),
  fold: z.int().min(0).max(9).nullish(),
  weak: score,
  strong: score,
  weakMean: score,
  strongMean: score,
  /** A grade from 0 (easy) to 1, in data without outcomes. */
  difficultyLabel: score,
  models: z.record(z.string(), z.looseObject({ score })).nullish(),
});
export type LabelledRow = z.infer<typeof LabelledRowSchema>;

export type Scores = { weak: number; strong: number };

/** The pair's scores, or undefined unless both are there. */
export const pairOf = (weak: number | null | undefined, strong: number | null | undefined): Scores | undefined =>
  typeof weak === 'number' && typeof strong === 'number' ? { weak, strong } : undefined;

/** The least noisy scores a row has: the tiers' means, else its one pair. */
export const tierScores = (row: LabelledRow): Scores | undefined =>
  pairOf(row.weakMean, row.strongMean) ?? pairOf(row.weak, row.strong);

/** A row as the classifier sees it. */
export const toConversation = (row: PromptRow): Conversation =>
  conversationOf({ ...row, messages: row.messages ?? [{ role: 'user', content: row.prompt ?? '' }] });

/** The text of the last user message, by which the length baseline judges. */
export const lengthOf = (row: PromptRow): number =>
  toConversation(row).turns.findLast((turn) => turn.role === 'user')?.text.length ?? 0;

/** The row's fold, 0 to 9; rows without one get it from their prompt, so the same prompt always lands in the same fold. */
export const foldOf = (row: LabelledRow): number => {
  if (typeof row.fold === 'number') return row.fold;
  const text = toConversation(row)
    .turns.map((turn) => turn.text)
    .join('\n');
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return createHash('sha1').update(words.join(' ')).digest().readUInt32BE() % 10;
};
