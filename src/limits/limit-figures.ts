import type { Clock } from '../lib/clock.ts';
import type { NanoUsd } from '../lib/money.ts';
import { type BudgetAccount, type Meter, nameOf, type Subject, type SubjectKind } from './account.ts';

/** What this process has seen of limits and budgets, for monitoring. */
export class LimitFigures {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #refusals = new Map<string, { meter: Meter; kind: SubjectKind; count: number }>();
  /** Of teams and routes: routes.yaml bounds their number. */
  readonly #budgets = new Map<string, { account: BudgetAccount; spent: NanoUsd }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  noteRefusal(meter: Meter, kind: SubjectKind): void {
    const key = `${meter} ${kind}`;
    const { count } = this.#refusals.get(key) ?? { count: 0 };
    this.#refusals.set(key, { meter, kind, count: count + 1 });
  }

  noteSpent(account: BudgetAccount, spent: NanoUsd): void {
    if (account.subject.kind === 'key') return;
    this.#budgets.set(nameOf(account.subject), { account, spent });
  }

  get refusals(): { meter: Meter; kind: SubjectKind; count: number }[] {
    return [...this.#refusals.values()];
  }

  /** The spent share of each budget, 1 for all of it; 0 in a period in which nothing was spent yet. */
  get budgets(): { subject: Subject; share: number }[] {
    const now = this.#clock.now();
    return [...this.#budgets.values()].map(({ account: { subject, limit, period }, spent }) => ({
      subject,
      share: now < period.endMs ? spent / limit : 0,
    }));
  }
}
