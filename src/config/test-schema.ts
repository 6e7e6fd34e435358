import { z } from 'zod';
import { name } from './schema-values.ts';

/** A prompt and where it must go. */
export const TestSchema = z.strictObject({
  prompt: z.string().min(1).meta({ description: 'The user message.' }),
  model: z.string().min(1).default('auto').meta({ description: 'Model name the client would send.' }),
  team: name.optional().meta({ description: 'Team the client would belong to; default `default`.' }),
  at: z.iso.datetime({ offset: true }).optional().meta({
    description: 'The moment it would arrive, such as `2026-03-02T22:30:00+01:00`; default now.',
    patternErrorMessage: 'a moment such as 2026-03-02T22:30:00+01:00',
  }),
  expect: z
    .strictObject({
      tier: name.optional().meta({ description: 'Tier that must be chosen.' }),
      route: name.optional().meta({ description: 'Route that must match.' }),
    })
    .meta({ description: 'What must come out; at least one of the two.' }),
});
