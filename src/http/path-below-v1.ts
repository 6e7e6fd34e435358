/** The path as it was written, for what is encoded in it is the upstream's to decode. */
export const pathBelowV1 = (url: string): string => {
  const [path = '', ...query] = url.split('?');
  const clean = path
    .replace(/\/{2,}/g, '/')
    .replace(/^\/v1/, '')
    .replace(/(.)\/$/, '$1');
  return query.length === 0 ? clean : `${clean}?${query.join('?')}`;
};
