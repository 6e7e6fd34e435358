import { z } from 'zod';
import { share, timeout } from './schema-values.ts';

/** How a route judges answers and hands them on. */
export const EscalateSchema = z.strictObject({
  minConfidence: share.default(0.7).meta({
    description: 'Least confidence at which an answer is kept; below it a stronger tier is asked.',
  }),
  tokens: z.int().min(1).max(256).default(24).meta({ description: 'Tokens to hold back and judge by, at most.' }),
  maxHold: timeout.prefault('1500ms').meta({ description: 'Longest time to hold an answer back.' }),
  check: z.boolean().default(true).meta({
    description: 'Judge complete plain answers too: empty, in a loop, refusing, cut off, or not the JSON asked for.',
  }),
  hedge: z.boolean().default(false).meta({
    description: 'When the time to hold is over before the answer can be judged, ask the stronger tier beside it.',
  }),
});
