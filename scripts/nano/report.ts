import { areaUnderRoc } from '../../src/execution/confidence-quality.ts';
import type { Marked } from './examination.ts';

/** Figures of an examination as Markdown; shares are of the questions of their row. */
export const reportOf = (marked: readonly Marked[]): string =>
  [
    ...skillTable(marked),
    '',
    ...Object.entries(wholeFigures(marked)).map(([name, figure]) => `- ${name}: ${figure}`),
  ].join('\n');

const skillTable = (marked: readonly Marked[]): string[] => {
  const skills = [...new Set(marked.map(({ question }) => question.skill))];
  const rows = skills.map((skill) => {
    const own = marked.filter(({ question }) => question.skill === skill);
    return `| ${skill} | ${own.length} | ${percent(own, ({ isRight }) => isRight)} | ${percent(own, ({ isUnsure }) => isUnsure)} |`;
  });
  return ['| skill | questions | right | "I am not sure" |', '|---|---:|---:|---:|', ...rows];
};

const wholeFigures = (marked: readonly Marked[]): Record<string, string> => {
  const within = marked.filter(({ question }) => !question.isBeyond);
  const asked = within.filter(({ question }) => question.schema);
  const tokens = marked.reduce((sum, { answer }) => sum + Math.max(0, answer.completionTokens - 1), 0);
  const seconds = marked.reduce((sum, { answer }) => sum + answer.writingMs, 0) / 1000;
  return {
    'questions within its curriculum, right': percent(within, ({ isRight }) => isRight),
    'the same, "I am not sure"': percent(within, ({ isUnsure }) => isUnsure),
    'JSON that is valid, with a schema': percent(asked, ({ isJson }) => isJson),
    'confidence, right answers against wrong ones within its curriculum (AUC)': area(within),
    'confidence, answers to keep against answers to hand on, all questions (AUC)': area(marked),
    'tokens a second, one thread, scores of the first 24 tokens included': (tokens / seconds).toFixed(0),
  };
};

/** To be handed on is a wrong answer and every question beyond the model, whatever it said. */
const area = (marked: readonly Marked[]): string => {
  const scored = marked.flatMap(({ answer: { confidence }, isRight, question }) =>
    confidence === null ? [] : [{ score: confidence, good: isRight && !question.isBeyond ? 1 : 0, fold: 0 }],
  );
  return areaUnderRoc(scored)?.toFixed(3) ?? 'not to be told';
};

const percent = (rows: readonly Marked[], test: (row: Marked) => boolean): string =>
  `${((100 * rows.filter(test).length) / rows.length).toFixed(1)} %`;
