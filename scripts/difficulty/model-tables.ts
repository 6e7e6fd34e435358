import { FEATURE_MEANINGS } from '../../src/difficulty/features.ts';
import { describeKind } from '../../src/difficulty/kind-names.ts';
import type { Sample } from '../../src/difficulty/samples.ts';
import type { Weights } from '../../src/difficulty/weights.ts';
import { WORD_VECTOR_ORIGIN } from '../../src/difficulty/word-vectors.ts';

/** The line that says which model the card is of. */
export const summary = ({ version, features, kinds, calibration }: Weights): string =>
  [
    `Version \`${version}\`: ${features.length} features, ${kinds.length} kinds of prompt, calibration map ${JSON.stringify(calibration)}.`,
    `Word vectors: ${WORD_VECTOR_ORIGIN.source} (${WORD_VECTOR_ORIGIN.licence}), made from a file with SHA-256 \`${WORD_VECTOR_ORIGIN.sourceSha256}\`.`,
  ].join('\n');

/** Every feature; the last column is its weight in the rank among prompts of one kind. */
export const featureTable = ({ features, ranking, kinds }: Weights): string =>
  [
    '| feature | meaning | tells kinds apart | rank per standard deviation |',
    '|---|---|---|---|',
    ...features.map((name, i) => {
      const isUsed = kinds.some((kind) => kind.weights[i] !== 0);
      const rank = ranking[i] === 0 ? '-' : ranking[i]!.toFixed(2);
      return `| \`${name}\` | ${FEATURE_MEANINGS.get(name)} | ${isUsed ? 'yes' : 'no'} | ${rank} |`;
    }),
  ].join('\n');

/** Every kind with the mean gain that a prompt of this kind starts from. */
export const kindTable = ({ kinds }: Weights, training: readonly Sample[]): string =>
  [
    '| kind | in words | rows | gain |',
    '|---|---|---|---|',
    ...kinds.map(
      ({ name, gain }) =>
        `| \`${name}\` | ${describeKind(name)} | ${training.filter((sample) => sample.kind === name).length} | ${gain.toFixed(2)} |`,
    ),
  ].join('\n');
