import { Hono } from 'hono';
import { z } from 'zod';
import type { TeamScope } from '../../auth/team-scope.ts';
import {
  type BreakdownQuery,
  BreakdownQuerySchema,
  type ReportQuery,
  ReportQuerySchema,
  type Revision,
} from '../../contract/admin/report.ts';
import { RequestsQuerySchema } from '../../contract/admin/requests.ts';
import { GatewayError } from '../../contract/errors.ts';
import { unpackFeatures } from '../../contract/feature-values.ts';
import type { LedgerEntry } from '../../contract/ledger-entry.ts';
import { explainAlternative, mainReasons } from '../../difficulty/explain-features.ts';
import type { LedgerReports, ReportFilter } from '../../ledger/ledger-reports.ts';
import type { Runtime } from '../../ports.ts';
import type { AdminEnv } from './admin-env.ts';
import { readQuery } from './read-json.ts';
import { toCsv } from './report-csv.ts';

const FORMAT = { format: z.enum(['json', 'csv']).default('json') };
const CSV = { 'content-type': 'text/csv; charset=utf-8' };

/** Longest range of a report. */
const MAX_RANGE_MS = 400 * 86_400_000;

/** Sums of the ledger over a range. `format=csv` gives series and breakdown as CSV. */
export const reportRoutes = (reports: LedgerReports): Hono<AdminEnv> =>
  new Hono<AdminEnv>()
    .get('/revision', async (context) => {
      const revision = await reports.revision({ team: context.var.scope.team ?? undefined });
      return context.json({ revision } satisfies Revision);
    })
    .get('/summary', async (context) =>
      context.json(await reports.summary(filterOf(readQuery(context, ReportQuerySchema), context.var.scope))),
    )
    .get('/series', async (context) => {
      const query = readQuery(context, ReportQuerySchema.extend(FORMAT));
      const series = await reports.series(filterOf(query, context.var.scope));
      if (query.format !== 'csv') return context.json(series);
      const rows = series.points.map(({ at, totals }) => ({ at: new Date(at).toISOString(), ...totals }));
      return context.body(toCsv(rows), 200, CSV);
    })
    .get('/breakdown', async (context) => {
      const { format, ...query } = readQuery(context, BreakdownQuerySchema.safeExtend(FORMAT));
      const { by, tag } = query as BreakdownQuery;
      const breakdown = await reports.breakdown({ ...filterOf(query as ReportQuery, context.var.scope), by, tag });
      if (format !== 'csv') return context.json(breakdown);
      return context.body(toCsv(breakdown.rows.map(({ name, totals }) => ({ [by]: name ?? '', ...totals }))), 200, CSV);
    })
    .get('/difficulty', async (context) =>
      context.json(await reports.difficulty(filterOf(readQuery(context, ReportQuerySchema), context.var.scope))),
    );

/** The log of requests, and one request with its reasons. */
export const requestRoutes = (reports: LedgerReports, runtime: () => Runtime): Hono<AdminEnv> =>
  new Hono<AdminEnv>()
    .get('/', async (context) => {
      const { from, to, ...query } = readQuery(context, RequestsQuerySchema);
      return context.json(
        await reports.requests({
          ...query,
          fromMs: from === undefined ? undefined : Date.parse(from),
          toMs: to === undefined ? undefined : Date.parse(to),
          team: teamOf(query.team, context.var.scope),
        }),
      );
    })
    .get('/:id', async (context) => {
      const id = context.req.param('id');
      const entry = await reports.request({ id, team: context.var.scope.team ?? undefined });
      if (entry === null) throw new GatewayError('not_found', `No request "${id.slice(0, 64)}" is in the ledger.`);
      return context.json({ ...entry, ...reasonsOf(entry, runtime()) });
    });

/** Worked out when somebody asks, by the classifier that scored the request; without it there are none. */
const reasonsOf = ({ decision, difficulty, classifierVersion }: LedgerEntry, { classifier }: Runtime) => {
  const packed = decision?.featureValues ?? null;
  const isSame = packed !== null && classifierVersion === classifier.modelVersion;
  const threshold = decision?.threshold ?? null;
  return {
    because: isSame ? mainReasons(classifier.judge(unpackFeatures(packed))) : [],
    alternative: difficulty === null || threshold === null ? null : explainAlternative(difficulty, threshold),
  };
};

const filterOf = ({ from, to, team, keyId, route, tier, model }: ReportQuery, scope: TeamScope): ReportFilter => {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  if (toMs <= fromMs) throw new GatewayError('invalid_value', 'to: it must be after `from`.', { param: 'to' });
  if (toMs - fromMs > MAX_RANGE_MS) {
    throw new GatewayError('invalid_value', 'from: a report covers at most 400 days.', { param: 'from' });
  }
  return { fromMs, toMs, team: teamOf(team, scope), keyId, route, tier, model };
};

/** A viewer of one team sees that team, whatever it asks for, and is told when it asked for another. */
const teamOf = (wanted: string | undefined, scope: TeamScope): string | undefined => {
  if (wanted !== undefined && !scope.includes(wanted)) {
    throw new GatewayError('not_allowed', `Your key shows team "${scope.team}" alone.`, { param: 'team' });
  }
  return scope.team ?? wanted;
};
