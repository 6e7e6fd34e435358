/**
 * The candidate that `text` most likely meant: nearest by edits (insert, delete, replace, swap neighbours; case is
 * free), at most one edit per three characters. Null when none is that near. Ties go to the first.
 */
export const nearest = (text: string, candidates: Iterable<string>): string | null => {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(text.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - text.length) >= bestDistance) continue;
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
};

/** What to say after an unknown word: the likely one, else all that are possible. Empty when there are none. */
export const didYouMean = (text: string, candidates: Iterable<string>): string => {
  const all = [...new Set(candidates)];
  const guess = nearest(text, all);
  if (guess !== null) return `; did you mean \`${guess}\`?`;
  return all.length === 0 ? '' : `; possible here: ${all.map((candidate) => `\`${candidate}\``).join(', ')}`;
};

/** Optimal string alignment distance. Texts are cut to 64 characters: names and keys are shorter. */
const editDistance = (left: string, right: string): number => {
  const a = left.slice(0, 64);
  const b = right.slice(0, 64);
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, beforePrevious[j - 2]! + 1);
      }
      current.push(least);
    }
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length]!;
};
