/** Rows in columns as wide as their widest cell; control characters, which a terminal would obey, are replaced. */
export const table = (rows: string[][]): string => {
  const clean = rows.map((row) => row.map((cell) => cell.replace(/\p{Cc}/gu, '?')));
  const widths = clean[0]?.map((_, column) => Math.max(...clean.map((row) => row[column]?.length ?? 0))) ?? [];
  return clean
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
};
