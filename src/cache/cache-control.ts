/** What a client asks of the cache (RFC 9111, section 5.2.1). */
export type CacheControl = {
  noStore: boolean;
  noCache: boolean;
  onlyIfCached: boolean;
  /** Greatest age of a stored answer, in milliseconds; null where the client names none. */
  maxAgeMs: number | null;
};

/** Reads a `cache-control` request header; directives it does not know are passed over. */
export const parseCacheControl = (header: string | string[] | undefined): CacheControl => {
  const directives = String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
  const maxAge = directives.find((directive) => /^max-age=\d+$/.test(directive))?.slice('max-age='.length);
  return {
    noStore: directives.includes('no-store'),
    noCache: directives.includes('no-cache') || maxAge === '0',
    onlyIfCached: directives.includes('only-if-cached'),
    maxAgeMs: maxAge === undefined ? null : Number(maxAge) * 1000,
  };
};
