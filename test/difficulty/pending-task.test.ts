import { expect, test } from 'vitest';
import { findPendingTask } from '../../src/difficulty/pending-task.ts';
import { conversationOf } from './conversation.ts';

const TASK = 'Prove the theorem.';

test.each([
  'yes, go on',
  'ok',
  'Continue',
  'and the second part?',
  'weiter',
  'oui, continue',
  'sí',
  '请继续',
  'now do that in Rust',
])('a follow-up takes over the task: %s', (text) => {
  const task = findPendingTask(conversationOf(TASK, 'First part …', text));
  expect(task).toMatchObject({ isFollowUp: true, text: `${TASK}\n${text}` });
  expect(task.characters).toBe(task.text.length);
});

test.each(['thanks, that was great', 'What is the capital of France?', `Please ${'write '.repeat(20)}`])(
  'a message that stands alone does not: %s',
  (text) => {
    expect(findPendingTask(conversationOf(TASK, 'First part …', text))).toMatchObject({ isFollowUp: false, text });
  },
);

test('system and tool turns are passed over, and only two turns back are read', () => {
  const system = { role: 'system', text: 'Be brief.' } as const;
  const tool = { role: 'tool', text: '42' } as const;
  const [task, answer, goOn] = conversationOf(TASK, 'Calling a tool.', 'go on').turns;
  const base = conversationOf();
  expect(findPendingTask({ ...base, turns: [system, task!, answer!, tool, goOn!] }).isFollowUp).toBe(true);
  expect(findPendingTask({ ...base, turns: [task!, answer!, answer!, goOn!] }).isFollowUp).toBe(false);
  expect(findPendingTask({ ...base, turns: [system] })).toEqual({ text: '', characters: 0, isFollowUp: false });
});
