import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type ConfidenceTable, ConfidenceTableSchema } from '../src/contract/confidence-table.ts';
import { UNCALIBRATED } from '../src/execution/confidence.ts';
import { answerQuestion } from './nano/answer-question.ts';
import { startHost } from './nano/ask-host.ts';
import { type Marked, mark, NANO_FOLDER, readExamination } from './nano/examination.ts';
import { reportOf } from './nano/report.ts';

/**
 * The figures of the model in the box: asks it every held-out question through a real model host and prints the table.
 * `--model file.gguf` examines another file, `--write` puts the table into the model's card, `--wrong` lists every
 * wrong answer, `--every n` asks only each n-th question.
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'builtin:nano' },
    every: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    wrong: { type: 'boolean', default: false },
  },
});

const CARD = `${NANO_FOLDER}README.md`;
const TABLE = `${NANO_FOLDER}rightsize-nano.confidence.json`;
const PLACE = /(<!-- figures -->\n)[\s\S]*(<!-- end of figures -->)/;

const examine = async (table: ConfidenceTable): Promise<Marked[]> => {
  const host = await startHost(values.model);
  try {
    const marked: Marked[] = [];
    for (const question of readExamination()) {
      if (question.id % Number(values.every) === 0)
        marked.push(mark(question, await answerQuestion(host, question, table)));
    }
    return marked;
  } finally {
    await host.stop();
  }
};

const marked = await examine(
  existsSync(TABLE) ? ConfidenceTableSchema.parse(JSON.parse(readFileSync(TABLE, 'utf8'))) : UNCALIBRATED,
);
if (values.wrong) {
  for (const { question, answer } of marked.filter(({ isRight }) => !isRight)) {
    const asked = JSON.stringify(question.messages.at(-1));
    const wanted = question.isBeyond ? 'to be unsure' : (question.answer ?? JSON.stringify(question.call));
    console.log(
      `${question.skill}: ${asked}\n  gave ${JSON.stringify(answer.text)} ${JSON.stringify(answer.calls)}\n  wanted ${wanted}`,
    );
  }
}
const report = reportOf(marked);
console.log(report);
if (values.write) {
  const { sha256 } = JSON.parse(readFileSync(`${NANO_FOLDER}manifest.json`, 'utf8')) as { sha256: string };
  const figures = `${report}\n- the file of these figures, SHA-256: \`${sha256}\``;
  writeFileSync(CARD, readFileSync(CARD, 'utf8').replace(PLACE, `$1${figures}\n$2`));
}
