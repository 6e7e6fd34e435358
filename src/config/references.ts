import { z } from 'zod';

const text = z.string().optional().catch(undefined);
const number = z.number().optional().catch(undefined);
const anything = z.unknown().optional();
const list = <Item extends z.ZodType>(item: Item) => z.preprocess((v) => (Array.isArray(v) ? v : []), z.array(item));
const mapping = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.preprocess((v) => (isObject(v) ? v : {}), z.object(shape));
const named = <Item extends z.ZodType>(item: Item) =>
  z.preprocess((v) => (isObject(v) ? v : {}), z.record(z.string(), item));

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Of routes.yaml, what its parts say of each other, as far as it can be read: the checks across parts run even where
 * the schema has found mistakes, so that all of them show at once. Never fails; what is not usable is undefined.
 */
const ReferencesSchema = mapping({
  upstreams: named(mapping({ kind: text, url: text, model: text, apiKey: text, apiKeyFile: text })),
  tiers: list(mapping({ name: text, models: list(mapping({ upstream: text, model: text, weight: number })) })),
  passThrough: mapping({ upstream: text }),
  models: list(mapping({ name: text, upstream: text, model: text })),
  routes: list(
    mapping({
      name: text,
      tier: anything,
      difficulty: anything,
      match: mapping({ team: anything, minTokens: number, maxTokens: number }),
      budget: mapping({ onExceeded: text }),
      cache: mapping({ semantic: mapping({ embeddings: text }) }),
    }),
  ),
  teams: named(mapping({ routes: list(text), budget: mapping({ onExceeded: text }) })),
  tests: list(mapping({ team: text, expect: mapping({ tier: text, route: text }) })),
});
export type References = z.infer<typeof ReferencesSchema>;

export const readReferences = (data: unknown): References => ReferencesSchema.parse(data);
