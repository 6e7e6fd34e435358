import { z } from 'zod';
import type { ConfigFinding } from './config.ts';

/** `POST /admin/api/config/check` (writes nothing) and `PUT /admin/api/config` (needs `if-match`): the whole file. */
export const ConfigTextSchema = z.strictObject({ text: z.string().max(1_048_576) });

/** What would become of a text. Only one that is `ok` can be saved. */
export type ConfigCheck = {
  ok: boolean;
  problems: ConfigFinding[];
  warnings: ConfigFinding[];
  /** How many tests the file has. */
  tests: number;
  failedTests: { prompt: string; message: string }[];
};

/** `GET /admin/api/config/history`: at most 200 loads, the latest first. */
export type ConfigHistory = {
  loads: {
    /** ISO 8601. */
    at: string;
    version: string;
    /** Who saved it through the admin API; null for a change on disk. */
    by: string | null;
    /** One line for each change against the load before. */
    changes: string[];
  }[];
};
