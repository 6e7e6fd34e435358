import { expect, test } from 'vitest';
import { StopGate } from '../../src/model-host/stop-gate.ts';

const run = (stops: string[], pieces: string[]): { text: string; isStopped: boolean } => {
  const gate = new StopGate(stops);
  let seen = '';
  for (const piece of pieces) {
    const { text, stop } = gate.push(piece);
    seen += text;
    if (stop !== null) return { text: seen, isStopped: true };
  }
  return { text: seen + gate.flush(), isStopped: false };
};

test.each([
  ['in one piece', ['END'], ['one END two'], 'one ', true],
  ['over three pieces', ['END'], ['one E', 'N', 'D two'], 'one ', true],
  ['a false beginning', ['END'], ['EN', 'EN', 'D'], 'EN', true],
  ['never completed', ['END'], ['the E', 'N'], 'the EN', false],
  ['the earlier of two', ['two', 'one'], ['one two'], '', true],
  ['one stop inside another', ['abcd', 'bc'], ['x', 'abcd'], 'x', true],
  ['no stop at all', [], ['any', 'thing'], 'anything', false],
  ['an empty stop', [''], ['any'], 'any', false],
])('%s', (_, stops, pieces, text, isStopped) => {
  expect(run(stops, pieces)).toEqual({ text, isStopped });
});

test('the text is the same however it is cut into pieces', () => {
  const whole = 'abababac, and then ababac again';
  for (let cut = 1; cut < whole.length; cut++) {
    expect(run(['abac'], [whole.slice(0, cut), whole.slice(cut)])).toEqual({ text: 'abab', isStopped: true });
  }
});
