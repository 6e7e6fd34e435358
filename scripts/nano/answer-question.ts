import type { ConfidenceTable } from '../../src/contract/confidence-table.ts';
import { FoldedAnswer } from '../../src/contract/fold-chunks.ts';

import { type Certainty, confidenceOf } from '../../src/execution/confidence.ts';
import { toldCertainty } from '../../src/execution/read-certainty.ts';
import type { Host } from './ask-host.ts';
import type { Answer, Question } from './examination.ts';

const MAX_TOKENS = 160;
/** As `escalate.tokens` by default. */
const SCORED_TOKENS = 24;

/** One question, asked at temperature 0, with its schema or functions. */
export const answerQuestion = async (host: Host, question: Question, table: ConfidenceTable): Promise<Answer> => {
  const { messages, tools, schema } = question;
  const chunks = await host.ask({
    ...{
      model: 'nano',
      messages,
      temperature: 0,
      max_tokens: MAX_TOKENS,
      rightsize_confidence: { tokens: SCORED_TOKENS },
    },
    ...(tools && { tools }),
    ...(schema && { response_format: { type: 'json_schema', json_schema: { name: 'fields', strict: true, schema } } }),
  });
  const folded = new FoldedAnswer();
  let certainty: Certainty | null = null;
  let completionTokens = 0;
  for (const { chunk } of chunks) {
    folded.add(chunk);
    certainty ??= toldCertainty(chunk);
    completionTokens = chunk.usage?.completion_tokens ?? completionTokens;
  }
  const message = folded.completion()?.choices[0]?.message;
  const written = chunks.filter(({ chunk }) => chunk.choices.length > 0);
  return {
    text: typeof message?.content === 'string' ? message.content : '',
    calls: (message?.tool_calls ?? []).map(({ function: call }) => ({
      name: String(call?.name),
      arguments: String(call?.arguments),
    })),
    confidence: certainty && confidenceOf(certainty, table),
    completionTokens,
    writingMs: (written.at(-1)?.atMs ?? 0) - (written[0]?.atMs ?? 0),
  };
};
