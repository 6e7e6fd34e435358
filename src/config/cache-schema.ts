import { z } from 'zod';
import { duration, share } from './schema-values.ts';

const SemanticCacheSchema = z.strictObject({
  embeddings: z.string().min(1).meta({
    description: 'What compares questions: the name of an embedding model in `models`.',
  }),
  minSimilarity: share.default(0.85).meta({
    description: 'Least similarity of two questions whose numbers, names, negations and other words agree.',
  }),
  verify: z.boolean().default(false).meta({
    description:
      'Below `sureSimilarity`, or where words differ, ask the weakest tier whether both questions have the same answer: one token with log-probabilities.',
  }),
  sureSimilarity: share.default(0.97).meta({ description: 'From here on the verifier is not asked.' }),
  maxErrorRate: z.number().gt(0).lt(0.5).default(0.01).meta({
    description: 'Most wrong answers among those found by meaning, by what checks and feedback have shown.',
  }),
  checkShare: share.default(0.02).meta({
    description: 'Part of what would be served that the model answers all the same, to compare the answers.',
  }),
});

/** What a route keeps of answers, and for how long. */
export const CacheSchema = z.strictObject({
  ttl: duration.meta({ description: 'How long an answer may be served again.' }),
  staleWhileRevalidate: duration.prefault('0s').meta({
    description:
      'How long after that the old answer is still served, at once, while a new one is fetched in the background.',
  }),
  maxTemperature: z.number().min(0).max(2).default(1).meta({
    description:
      'Requests with a higher temperature are not cached, unless the client asks with `cache-control: max-age`. No temperature counts as 1.',
  }),
  maxEntryBytes: z
    .int()
    .min(1024)
    .max(64 * 1024 * 1024)
    .default(1024 * 1024)
    .meta({ description: 'Longer answers are not kept, in bytes of JSON.' }),
  semantic: SemanticCacheSchema.optional().meta({
    description:
      'Serve answers to questions that mean the same, where everything else of the request is identical (docs/cache.md).',
  }),
});
