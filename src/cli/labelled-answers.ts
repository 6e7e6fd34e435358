import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { CERTAINTY_FIGURES } from '../contract/confidence-table.ts';
import { ChatMessageSchema } from '../contract/openai.ts';
import { RowError, readRows } from '../difficulty/read-rows.ts';
import type { AnswerKey } from '../execution/answer-key.ts';
import type { Certainty } from '../execution/confidence.ts';
import { UsageError } from '../lib/usage-error.ts';

const share = z.number().min(0).max(1);

const LabelledAnswerSchema = z
  .object({
    id: z.union([z.string(), z.number()]),
    prompt: z.string().min(1).nullish(),
    messages: z.array(ChatMessageSchema).min(1).nullish(),
    answer: z.union([z.string(), z.number()]).nullish(),
    answers: z.array(z.union([z.string(), z.number()])).nullish(),
    pattern: z.string().nullish(),
    good: share.nullish(),
    certainty: z.record(z.enum(CERTAINTY_FIGURES), share).nullish(),
  })
  .transform((row, { addIssue }) => {
    const { id, certainty, good } = row;
    if (certainty != null && good != null) {
      return { kind: 'judged' as const, id, prompt: promptOf(row) ?? `id ${id}`, good, certainty };
    }
    const fail = (message: string) => {
      addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    if (certainty != null || good != null) return fail('good and certainty go together');
    const messages = row.messages ?? (row.prompt != null ? [{ role: 'user' as const, content: row.prompt }] : null);
    if (messages === null) return fail('needs a prompt or messages, or good and certainty');
    const answers = [row.answer, ...(row.answers ?? [])].filter((answer) => answer != null).map(String);
    const pattern = row.pattern == null ? null : toPattern(row.pattern);
    if (pattern === undefined) return fail('the pattern is no regular expression');
    if (answers.length === 0 && pattern === null) return fail('needs an answer, answers or a pattern');
    return { kind: 'question' as const, id, prompt: promptOf(row)!, messages, key: { answers, pattern } };
  });

/** A row that is to be asked, or one that was asked and judged before. */
export type LabelledAnswer = z.infer<typeof LabelledAnswerSchema>;
export type Question = Extract<LabelledAnswer, { kind: 'question' }> & { key: AnswerKey };

/**
 * Reads JSONL, plain or gzipped, of rows `{id, prompt | messages, answer | answers | pattern}`, and of rows that hold
 * `good` and `certainty` already.
 * @throws UsageError when the file cannot be read; RowError, with its line, at a row that cannot be used.
 */
export const readLabelledAnswers = async (path: string): Promise<LabelledAnswer[]> => {
  const rows: LabelledAnswer[] = [];
  const ids = new Set<string | number>();
  for await (const row of readRows([await readText(path)], LabelledAnswerSchema, path)) {
    if (ids.has(row.id)) throw new RowError(`${path}: the id ${JSON.stringify(row.id)} is there twice`);
    ids.add(row.id);
    rows.push(row);
  }
  return rows;
};

/** A judged row as `readLabelledAnswers` takes it. */
export const toLine = (row: { id: string | number; prompt: string; good: number; certainty: Certainty }): string =>
  `${JSON.stringify({ id: row.id, prompt: row.prompt, good: row.good, certainty: row.certainty })}\n`;

const promptOf = ({ prompt, messages }: { prompt?: string | null; messages?: unknown[] | null }): string | null =>
  messages == null ? (prompt ?? null) : JSON.stringify(messages);

/** As it is written, in any case. */
const toPattern = (source: string): RegExp | undefined => {
  try {
    return new RegExp(source, 'iu');
  } catch {
    return undefined;
  }
};

const readText = async (path: string): Promise<string> => {
  try {
    const bytes = await readFile(path);
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
};
