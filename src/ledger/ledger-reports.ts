import type { Breakdown, DifficultyHistogram, ReportSeries, Summary } from '../contract/admin/report.ts';
import type { RequestPage } from '../contract/admin/requests.ts';
import type { LedgerEntry } from '../contract/ledger-entry.ts';

/** A range in Unix milliseconds, the end not included, and what must be equal; what is absent lets everything through. */
export type ReportFilter = {
  fromMs: number;
  toMs: number;
  team?: string | undefined;
  keyId?: string | undefined;
  route?: string | undefined;
  tier?: string | undefined;
  model?: string | undefined;
};

export type BreakdownDimension = 'team' | 'key' | 'model' | 'route' | 'tier' | 'upstream' | 'tag';

export type RequestsFilter = Partial<ReportFilter> & {
  outcome?: string | undefined;
  cache?: string | undefined;
  clientRequestId?: string | undefined;
  cursor?: string | undefined;
  limit: number;
};

/** Entries of a range, oldest first, evenly sampled where there are more than were wanted. */
export type History = { entries: LedgerEntry[]; total: number; isSample: boolean };

/**
 * Port: what the ledger knows, for people. Reads roll-ups wherever it can, and entries only for parts of hours, pages and
 * single requests. Never runs on the thread that serves requests.
 */
export interface LedgerReports {
  /** A text that is another once requests of the last day or two were added; of one team, its own requests. */
  revision(query: { team?: string | undefined }): Promise<string>;
  /** The range, and the equally long one before it. */
  summary(filter: ReportFilter): Promise<Summary>;
  series(filter: ReportFilter): Promise<ReportSeries>;
  /** `tag` names the tag for `by: 'tag'`, which takes no filter but the team. */
  breakdown(query: ReportFilter & { by: BreakdownDimension; tag?: string | undefined }): Promise<Breakdown>;
  difficulty(filter: ReportFilter): Promise<DifficultyHistogram>;
  requests(filter: RequestsFilter): Promise<RequestPage>;
  /** Null when there is none, or it is another team's. */
  request(query: { id: string; team?: string | undefined }): Promise<LedgerEntry | null>;
  history(query: { fromMs: number; toMs: number; team?: string | undefined; limit: number }): Promise<History>;
}
