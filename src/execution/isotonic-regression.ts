/** A measured pair: a figure, and what came of it, 0 to 1. */
export type Observation = { x: number; y: number };

/** Neighbours that share one value: the means of their figures and of what came of them. */
export type Block = { x: number; y: number; rows: number };

/**
 * The rising step function with the least squared error, by pooling adjacent violators (Barlow, Bartholomew, Bremner
 * and Brunk, Statistical Inference under Order Restrictions, 1972, section 1.2). Blocks come by rising `x`, which no
 * two share, and their `y` never falls. The order of the observations does not matter.
 * @param fewestRows of a block: neighbours start together in blocks of so many, and equal figures always do, so that no
 * value hangs on a handful of rows. With fewer observations than that there is one block.
 */
export const fitIsotonic = (observations: readonly Observation[], fewestRows = 1): Block[] => {
  const pooled: Block[] = [];
  for (const block of startingBlocks(observations, fewestRows)) {
    let last = block;
    for (let before = pooled.at(-1); before !== undefined && before.y > last.y; before = pooled.at(-1)) {
      pooled.pop();
      last = join(before, last);
    }
    pooled.push(last);
  }
  return pooled;
};

const startingBlocks = (observations: readonly Observation[], fewestRows: number): Block[] => {
  const rising = [...observations].sort((a, b) => a.x - b.x || a.y - b.y);
  const blocks: Block[] = [];
  for (let start = 0; start < rising.length; ) {
    let end = Math.min(start + fewestRows, rising.length);
    while (end < rising.length && rising[end]!.x === rising[end - 1]!.x) end++;
    // What is left over is too little for a block of its own.
    if (rising.length - end < fewestRows) end = rising.length;
    blocks.push(toBlock(rising.slice(start, end)));
    start = end;
  }
  return blocks;
};

const toBlock = (rows: readonly Observation[]): Block => {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / rows.length;
  const [first, last] = [rows[0]!.x, rows.at(-1)!.x];
  // Rounding may carry the mean of equal figures past them.
  const x = Math.min(last, Math.max(first, mean(rows.map((row) => row.x))));
  return { x, y: mean(rows.map((row) => row.y)), rows: rows.length };
};

const join = (a: Block, b: Block): Block => {
  const rows = a.rows + b.rows;
  return { x: (a.x * a.rows + b.x * b.rows) / rows, y: (a.y * a.rows + b.y * b.rows) / rows, rows };
};
