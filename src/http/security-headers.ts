const ALWAYS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
};

/** For answers that are data, such as those of the admin API: no page may run, frame or keep them. */
export const DATA_HEADERS: Readonly<Record<string, string>> = {
  ...ALWAYS,
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

/**
 * For pages of the dashboard (https://www.w3.org/TR/CSP3/): scripts and data from this origin alone, no inline script,
 * no frame around it. `styleNonce` admits `<style>` elements that carry it, which editors insert.
 */
export const pageHeaders = ({ styleNonce }: { styleNonce?: string } = {}): Record<string, string> => ({
  ...ALWAYS,
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self'${styleNonce === undefined ? '' : ` 'nonce-${styleNonce}'`}`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
});
