import { z } from 'zod';
import { share } from './schema-values.ts';

/** How a route finds the difficulty from which the strongest tier answers: one of four ways. */
export const DifficultySchema = z.union([
  z.strictObject({
    threshold: share.meta({ description: 'Requests at or above this difficulty go to the strongest tier.' }),
  }),
  z.strictObject({
    largeShare: share.meta({
      description: 'Share of requests to send to the strongest tier; the threshold keeps itself at that share.',
    }),
  }),
  z.strictObject({
    maxCostPerDay: z
      .number()
      .positive()
      .meta({
        description:
          'USD that a day (UTC) of the route may cost: as many requests go to the strongest tier, the hardest first, as the ' +
          'money lasts until midnight. Each gateway counts its own.',
      }),
  }),
  z.strictObject({
    quality: share.meta({
      description:
        "Part of the gap between the tiers' quality to recover, on the labels that the difficulty model was trained or " +
        'calibrated with: `0.95` sends no more to the strongest tier than that takes.',
    }),
  }),
]);
