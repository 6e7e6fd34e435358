type Point = { value: number; gradient: Float64Array };

const MEMORY = 10;
const MOST_ITERATIONS = 120;
const TOLERANCE = 1e-5;

/**
 * The minimum of a smooth convex function by L-BFGS with backtracking (Nocedal & Wright, Numerical Optimization,
 * algorithm 7.4). Deterministic; stops when no component of the gradient exceeds 1e-5 or after 120 steps.
 */
export const minimise = (evaluate: (at: Float64Array) => Point, start: Float64Array): Float64Array => {
  let at = start;
  let point = evaluate(at);
  const history: { step: Float64Array; change: Float64Array }[] = [];
  for (let i = 0; i < MOST_ITERATIONS && largest(point.gradient) > TOLERANCE; i++) {
    const direction = descend(point.gradient, history);
    const slope = dot(direction, point.gradient);
    let size = history.length === 0 ? 1 / Math.max(1, largest(point.gradient)) : 1;
    let next = move(at, direction, size);
    let reached = evaluate(next);
    while (reached.value > point.value + 1e-4 * size * slope && size > 1e-12) {
      size /= 2;
      next = move(at, direction, size);
      reached = evaluate(next);
    }
    const step = next.map((value, j) => value - at[j]!);
    const change = reached.gradient.map((value, j) => value - point.gradient[j]!);
    if (dot(step, change) > 1e-12) history.push({ step, change });
    if (history.length > MEMORY) history.shift();
    at = next;
    point = reached;
  }
  return at;
};

/** The gradient, turned by the curvature that the last steps have shown. */
const descend = (gradient: Float64Array, history: readonly { step: Float64Array; change: Float64Array }[]) => {
  const direction = gradient.map((value) => -value);
  const along = history.map(() => 0);
  for (let i = history.length - 1; i >= 0; i--) {
    const { step, change } = history[i]!;
    along[i] = dot(step, direction) / dot(step, change);
    addScaled(direction, change, -along[i]!);
  }
  const last = history.at(-1);
  if (last) scale(direction, dot(last.step, last.change) / dot(last.change, last.change));
  history.forEach(({ step, change }, i) => {
    addScaled(direction, step, along[i]! - dot(change, direction) / dot(step, change));
  });
  return direction;
};

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};
const addScaled = (to: Float64Array, from: Float64Array, factor: number): void => {
  for (let i = 0; i < to.length; i++) to[i]! += factor * from[i]!;
};
const scale = (vector: Float64Array, factor: number): void => {
  for (let i = 0; i < vector.length; i++) vector[i]! *= factor;
};
const move = (at: Float64Array, direction: Float64Array, size: number) => at.map((v, i) => v + size * direction[i]!);
const largest = (vector: Float64Array): number => vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
