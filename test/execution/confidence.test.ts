import { describe, expect, test } from 'vitest';
import { confidenceOf, toCertainty, UNCALIBRATED } from '../../src/execution/confidence.ts';
import { tokenCertainty, toldCertainty, withoutCertainty } from '../../src/execution/read-certainty.ts';

const tokens = (...probabilities: number[]) =>
  probabilities.map((probability) => ({ logprob: Math.log(probability), margin: 2 * probability - 1 }));

const chunkWith = (content: unknown) => ({
  id: 'c',
  object: 'chat.completion.chunk' as const,
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: { content: 'x' }, finish_reason: null, logprobs: { content } }],
});

describe('figures of certainty', () => {
  test('quantiles lie between the tokens they fall between, and the mean is geometric', () => {
    const certainty = toCertainty(tokens(0.5, 1, 1, 1, 0.5));
    expect(certainty['probability.p10']).toBeCloseTo(0.5, 12);
    expect(certainty['probability.p50']).toBeCloseTo(1, 12);
    expect(certainty['probability.mean']).toBeCloseTo(0.25 ** (1 / 5), 12);
    expect(certainty['margin.p25']).toBeCloseTo(0, 12);
    expect(certainty['margin.p50']).toBeCloseTo(1, 12);
  });

  test('one token is all its own quantiles', () => {
    const certainty = toCertainty(tokens(0.7));
    for (const figure of ['probability.p10', 'probability.p25', 'probability.p50', 'probability.mean'] as const) {
      expect(certainty[figure]).toBeCloseTo(0.7, 12);
    }
  });
});

describe('the map to confidence', () => {
  const certainty = toCertainty(tokens(0.4, 0.4));
  test.each([
    [
      [
        [0, 0],
        [1, 1],
      ],
      0.4,
    ],
    [
      [
        [0.3, 0.1],
        [0.5, 0.9],
      ],
      0.5,
    ],
    [[[0.4, 0.77]], 0.77],
    [
      [
        [0.5, 0.2],
        [1, 1],
      ],
      0.2,
    ],
    [
      [
        [0, 0.1],
        [0.2, 0.3],
      ],
      0.3,
    ],
  ] as [[number, number][], number][])('%j maps 0.4 to %d', (points, expected) => {
    expect(confidenceOf(certainty, { figure: 'probability.p50', points })).toBeCloseTo(expected, 12);
  });

  test('without a calibration the lower quartile of the probabilities counts as it is', () => {
    expect(confidenceOf(toCertainty(tokens(0.1, 0.1, 0.9, 0.9)), UNCALIBRATED)).toBeCloseTo(0.1, 12);
  });
});

describe('what upstreams send', () => {
  test('the margin is the distance of the two likeliest, in whatever order they stand', () => {
    const [token] = tokenCertainty(
      chunkWith([{ logprob: Math.log(0.2), top_logprobs: [{ logprob: Math.log(0.2) }, { logprob: Math.log(0.7) }] }]),
    );
    expect(token?.logprob).toBeCloseTo(Math.log(0.2), 12);
    expect(token?.margin).toBeCloseTo(0.5, 12);
  });

  test('with one alternative the margin is against all that is left', () => {
    expect(tokenCertainty(chunkWith([{ logprob: Math.log(0.9), top_logprobs: [] }]))[0]?.margin).toBeCloseTo(0.8, 12);
  });

  test('without log-probabilities there is nothing to judge by', () => {
    expect(tokenCertainty(chunkWith(null))).toEqual([]);
    expect(toldCertainty(chunkWith(null))).toBeNull();
  });

  test('what was asked for on the side does not reach the client', () => {
    const told = { ...chunkWith([{ logprob: -1 }]), rightsize: { confidence: {} } };
    expect(JSON.stringify(withoutCertainty(told))).not.toMatch(/rightsize|"logprob"/);
  });
});
