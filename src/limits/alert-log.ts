/**
 * Port: which alerts have been sent, across restarts and, where gateways share one, across gateways.
 * Ids name an alert for ever, such as `budget:team:a:month:2026-11-01:UTC:80`.
 */
export interface AlertLog {
  /** Takes an alert on, for `ALERT_LEASE_MS`. False when it was sent, or somebody else is sending it. */
  begin(id: string): Promise<boolean>;
  /** It has been sent, and must not be sent again for `keepMs`. */
  done(id: string, keepMs: number): Promise<void>;
}

/** Longer than all tries to send one alert take: whoever dies meanwhile leaves it to others. */
export const ALERT_LEASE_MS = 10 * 60_000;
