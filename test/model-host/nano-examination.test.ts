import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Answer, mark, type Question, readExamination } from '../../scripts/nano/examination.ts';
import { reportOf } from '../../scripts/nano/report.ts';

const answer = (fields: Partial<Answer>): Answer => ({
  ...{ text: '', calls: [], confidence: null, completionTokens: 1, writingMs: 1 },
  ...fields,
});
const question = (fields: Partial<Question>): Question => ({ id: 0, skill: 'facts', messages: [], ...fields });
const UNSURE = 'I am not sure. An expert may know.';

test('an answer is right to the character, and being unsure of what it should know is wrong', () => {
  const paris = question({ answer: 'Paris.' });
  expect(mark(paris, answer({ text: 'Paris.' })).isRight).toBe(true);
  expect(mark(paris, answer({ text: 'Paris!' })).isRight).toBe(false);
  expect(mark(paris, answer({ text: UNSURE }))).toMatchObject({ isRight: false, isUnsure: true });
});

test('beyond it, only being unsure is right', () => {
  const essay = question({ isBeyond: true });
  expect(mark(essay, answer({ text: UNSURE })).isRight).toBe(true);
  expect(mark(essay, answer({ text: 'Paris.' })).isRight).toBe(false);
});

test('JSON is compared as a value, and a call by its name and its arguments; a second call is wrong', () => {
  const fields = question({ answer: '{"name": "Anna", "age": 34}', schema: {} });
  expect(mark(fields, answer({ text: '{"age":34,"name":"Anna"}' }))).toMatchObject({ isRight: true, isJson: true });
  expect(mark(fields, answer({ text: '{"age":"34","name":"Anna"}' }))).toMatchObject({ isRight: false, isJson: true });
  expect(mark(fields, answer({ text: '{"age"' }))).toMatchObject({ isRight: false, isJson: false });
  const weather = question({ call: { name: 'get_weather', arguments: { city: 'Rome' } } });
  const call = { name: 'get_weather', arguments: '{ "city": "Rome" }' };
  expect(mark(weather, answer({ calls: [call] })).isRight).toBe(true);
  expect(mark(weather, answer({ calls: [call, call] })).isRight).toBe(false);
  expect(mark(weather, answer({ calls: [{ ...call, arguments: '{"city": "Oslo"}' }] })).isRight).toBe(false);
});

test('the report counts by skill, and tells how well confidence parts what to keep from what to hand on', () => {
  const report = reportOf([
    mark(question({ answer: 'Paris.' }), answer({ text: 'Paris.', confidence: 0.9 })),
    mark(question({ answer: 'Rome.' }), answer({ text: 'Oslo.', confidence: 0.6 })),
    mark(question({ skill: 'beyond it', isBeyond: true }), answer({ text: UNSURE, confidence: 0.7 })),
  ]);
  expect(report).toContain('| facts | 2 | 50.0 % | 0.0 % |');
  expect(report).toContain('| beyond it | 1 | 100.0 % | 100.0 % |');
  expect(report).toMatch(/all questions \(AUC\): 1\.000/);
});

test('no question of the examination is there twice, or among those that calibrate', () => {
  const examined = readExamination().map(({ messages }) => JSON.stringify(messages));
  const calibrating = readFileSync('models/nano/calibration.jsonl', 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.stringify(JSON.parse(line).messages));
  expect(new Set(examined).size).toBe(examined.length);
  expect(new Set([...examined, ...calibrating]).size).toBe(examined.length + new Set(calibrating).size);
  expect(examined.length).toBeGreaterThan(800);
});
