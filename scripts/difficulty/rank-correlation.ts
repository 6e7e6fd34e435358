/** Spearman's rank correlation, ties sharing their mean rank. */
export const rankCorrelation = (a: readonly number[], b: readonly number[]): number => {
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const middle = (a.length - 1) / 2;
  const covariance = (p: number[], q: number[]) =>
    p.reduce((sum, rank, i) => sum + (rank - middle) * (q[i]! - middle), 0);
  return covariance(x, y) / Math.sqrt(covariance(x, x) * covariance(y, y));
};

const ranksOf = (values: readonly number[]): number[] => {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const ranks = new Array<number>(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) ranks[order[i]!] = (from + to - 1) / 2;
    from = to;
  }
  return ranks;
};
