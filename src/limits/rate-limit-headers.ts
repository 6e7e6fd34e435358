import type { Found } from './counters.ts';

/**
 * `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` of the account that has least left, as OpenAI writes them
 * (https://platform.openai.com/docs/guides/rate-limits, "Rate limits in headers"): reset is the time until everything
 * would be free again, `12ms`, `1s`, `6m0s`.
 */
export const rateLimitHeaders = (found: readonly Found[]): Record<string, string> => {
  const headers: Record<string, string> = {};
  for (const meter of ['requests', 'tokens'] as const) {
    const left = found
      .filter(({ charge }) => charge.account.meter === meter)
      .map(({ charge: { account }, standing: { used, resetMs } }) => ({
        limit: account.limit,
        remaining: Math.max(0, account.limit - used),
        resetMs,
      }));
    const tightest = left.sort((a, b) => a.remaining - b.remaining || a.limit - b.limit)[0];
    if (tightest === undefined) continue;
    headers[`x-ratelimit-limit-${meter}`] = String(tightest.limit);
    headers[`x-ratelimit-remaining-${meter}`] = String(tightest.remaining);
    headers[`x-ratelimit-reset-${meter}`] = showDuration(tightest.resetMs);
  }
  return headers;
};

/** `0s`, `12ms`, `1.5s`, `6m0s`: as Go writes durations. */
const showDuration = (ms: number): string => {
  const whole = Math.ceil(ms);
  if (whole === 0) return '0s';
  if (whole < 1_000) return `${whole}ms`;
  const minutes = Math.floor(whole / 60_000);
  const seconds = (whole - minutes * 60_000) / 1_000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
};
