/** The records of a CSV text (RFC 4180) by the names of its first line; a byte order mark is left out. */
export const parseCsv = (text: string): Record<string, string>[] => {
  const rows: string[][] = [];
  let row: string[] = [];
  // A field, quoted or plain, with what ends it.
  for (const [, quoted, plain = '', end] of text
    .replace(/^\ufeff/, '')
    .matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  }
  const [names = [], ...records] = rows;
  return records.map((record) => Object.fromEntries(names.map((name, i) => [name.trim(), record[i] ?? ''])));
};
