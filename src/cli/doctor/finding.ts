/**
 * What one check found. `broken`: requests fail, or the gateway does not start. `warning`: it works without, or not as
 * somebody may think. `advice` says what to do.
 */
export type Finding = { check: string; state: 'ok' | 'warning' | 'broken'; detail: string; advice?: string };

export const ok = (check: string, detail: string): Finding => ({ check, state: 'ok', detail });
export const warning = (check: string, detail: string, advice: string): Finding => ({
  check,
  state: 'warning',
  detail,
  advice,
});
export const broken = (check: string, detail: string, advice: string): Finding => ({
  check,
  state: 'broken',
  detail,
  advice,
});
