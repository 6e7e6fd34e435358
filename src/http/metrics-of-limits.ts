import { Counter, Gauge, type Registry } from 'prom-client';
import type { LimitFigures } from '../limits/limit-figures.ts';

/** Requests that limits and budgets have refused, and how much of each budget is spent. */
export const addLimitMetrics = (figures: Pick<LimitFigures, 'refusals' | 'budgets'>, registers: Registry[]): void => {
  new Counter({
    name: 'rightsize_limited_requests_total',
    help: 'Requests refused by a limit or budget of a key, team or route; of an upstream, times that it was passed over.',
    labelNames: ['limit', 'of'],
    registers,
    collect() {
      this.reset();
      for (const { meter, kind, count } of figures.refusals) this.inc({ limit: meter, of: kind }, count);
    },
  });
  new Gauge({
    name: 'rightsize_budget_used_ratio',
    help: 'Spent share of a budget in its period, as this gateway last heard of it; 1 is all of it.',
    labelNames: ['of', 'name'],
    aggregator: 'max',
    registers,
    collect() {
      this.reset();
      for (const { subject, share } of figures.budgets) this.set({ of: subject.kind, name: subject.name }, share);
    },
  });
};
