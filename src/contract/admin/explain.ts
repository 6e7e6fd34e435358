import { z } from 'zod';

/** `POST /admin/api/explain`: a request to decide on, and to send nowhere. */
export const ExplainQuerySchema = z.strictObject({
  prompt: z.string().max(200_000),
  model: z.string().min(1).max(256).default('auto'),
  team: z.string().min(1).max(63).default('default'),
});
export type ExplainQuery = z.input<typeof ExplainQuerySchema>;

/** The decision that the request would meet if every upstream were well. */
export type Explanation = {
  route: string;
  /** Line of the route in routes.yaml; null for a model named by the client. */
  line: number | null;
  tier: string;
  /** 0 to 1. */
  difficulty: number;
  /** The difficulty at which the choice turns; null where difficulty does not decide. */
  threshold: number | null;
  reasons: string[];
  /** `upstream/model` in the order they would be asked. */
  attempts: string[];
  /** What moved the difficulty most, strongest first, in log-odds against an average prompt. */
  because: { text: string; contribution: number }[];
  /** What would have had to be different for another tier; null where difficulty did not decide. */
  alternative: string | null;
  config: string;
};
