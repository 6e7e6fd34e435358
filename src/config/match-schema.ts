import { z } from 'zod';
import { name, oneOrMore, timeOfDay, timeZone } from './schema-values.ts';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const MatchTimeSchema = z.strictObject({
  from: timeOfDay.default('00:00').meta({ description: 'Begins at this time of day, such as `22:00`.' }),
  to: timeOfDay.default('00:00').meta({
    description: 'Ends before this time of day; at or before `from` it is on the next day.',
  }),
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .optional()
    .meta({ description: 'Days of the week on which it begins; default every day.' }),
  timeZone: timeZone.default('UTC').meta({ description: 'Whose clock, such as `Europe/Berlin`.' }),
});

/** Which requests a route is for. */
export const MatchSchema = z.strictObject({
  model: oneOrMore(z.string().min(1)).optional().meta({ description: 'Model names as clients send them.' }),
  team: oneOrMore(name).optional().meta({ description: 'Teams the rule is for.' }),
  has: z
    .array(z.enum(['tools', 'images', 'audio', 'json', 'system']))
    .min(1)
    .optional()
    .meta({ description: 'Facts that must all hold for the request.' }),
  minTokens: z.int().min(0).optional().meta({ description: 'Least number of prompt tokens (estimated).' }),
  maxTokens: z.int().min(0).optional().meta({ description: 'Greatest number of prompt tokens (estimated).' }),
  language: oneOrMore(
    z
      .string()
      .regex(/^[a-z]{2}$/)
      .meta({ patternErrorMessage: 'a language as two letters, such as `en` or `de` (ISO 639-1)' }),
  )
    .optional()
    .meta({
      description:
        'Languages of the last user message, such as `[de, fr]`. A message too short or too mixed to tell matches none.',
    }),
  time: MatchTimeSchema.optional().meta({ description: 'Hours and days at which the rule holds.' }),
});

export type MatchTime = z.infer<typeof MatchTimeSchema>;
