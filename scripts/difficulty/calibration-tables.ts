import { CalibrationRefused, calibrate } from '../../src/difficulty/calibrate.ts';
import { toMarkdown } from '../../src/difficulty/source-figures.ts';
import type { Weights } from '../../src/difficulty/weights.ts';
import type { CardData, LabelledGold } from './card-data.ts';

/** What `rightsize calibrate` prints for the labels of one pair, without and with the category of wrong labels. */
export const calibrationTables = (shipped: Weights, { all, sound }: CardData['gold']): string =>
  [
    `Without high_school_mathematics, ${tell(shipped, sound)}`,
    `All ${all.samples.length} rows, the wrong labels included, ${tell(shipped, all)}`,
  ].join('\n\n');

const tell = (shipped: Weights, { samples, sha256 }: LabelledGold): string => {
  try {
    const { before, after, changed } = calibrate(shipped, samples, sha256);
    return `${samples.length} labels; changed: ${changed}.\n\n${toMarkdown([before, after])}`;
  } catch (error) {
    if (error instanceof CalibrationRefused) return `${samples.length} labels; refused: ${error.message}.`;
    throw error;
  }
};
