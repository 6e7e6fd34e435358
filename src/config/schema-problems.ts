import { isMap, isScalar, type Node } from 'yaml';
import type { z } from 'zod';
import { describeExpected, describeFound, describeMistake, describeRemedy } from './describe.ts';
import { didYouMean } from './did-you-mean.ts';
import { keysAt, type Path, schemasAt } from './json-schema.ts';
import type { ConfigProblem } from './loaded-config.ts';
import type { Substitution } from './substitute.ts';
import type { YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

/** The findings of the schema as sentences at their places in the file. */
export const describeIssues = (issues: Issue[], source: YamlSource, substitution: Substitution): ConfigProblem[] =>
  issues.flatMap((issue) => describeIssue(issue, [], source, substitution));

const describeIssue = (issue: Issue, base: Path, source: YamlSource, substitution: Substitution): ConfigProblem[] => {
  const path = [...base, ...(issue.path as Path)];
  const node = source.nodeAt(path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(path, key, source));
  }
  if (issue.code === 'invalid_key') {
    const { propertyNames } = schemasAt(path.slice(0, -1))[0] ?? {};
    return [source.problem(path, `expected ${describeExpected([propertyNames ?? {}])}`, 'key')];
  }
  if (node === undefined) return [source.problem(path, `the key \`${String(path.at(-1))}\` is missing`)];
  if (issue.code === 'custom') return [source.problem(path, issue.message)];
  if (issue.code === 'invalid_union' && issue.discriminator === undefined) {
    return describeUnion(issue.errors, path, node, source, substitution);
  }
  return [unexpectedValue(path, node, source, substitution)];
};

/** Reports against the side of the union that the value comes nearest to; where two are as near, against all. */
const describeUnion = (
  sides: Issue[][],
  path: Path,
  node: Node,
  source: YamlSource,
  substitution: Substitution,
): ConfigProblem[] => {
  const [best = [], second] = sides.toSorted((a, b) => misfit(a) - misfit(b));
  if (second === undefined || misfit(best) < misfit(second)) {
    return best.flatMap((issue) => describeIssue(issue, path, source, substitution));
  }
  const unknown = sides.map((side) => side.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [])));
  const unknownToAll = unknown[0]?.filter((key) => unknown.every((keys) => keys.includes(key))) ?? [];
  if (unknownToAll.length > 0) return unknownToAll.map((key) => unknownKey(path, key, source));
  if (!isMap(node)) return [unexpectedValue(path, node, source, substitution)];
  const keys = schemasAt(path).map((schema) => `\`${schema.required?.join('` and `')}\``);
  return [source.problem(path, `expected either ${keys.join(' or ')}`, 'key')];
};

/** How far a value is from one side of a union: a wrong kind of value is further than a wrong or missing key. */
const misfit = (side: Issue[]): number =>
  side.reduce((sum, issue) => {
    if (issue.path.length === 0) return sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 100);
    return sum + (issue.code === 'invalid_type' && issue.message.endsWith('undefined') ? 1 : 0);
  }, 0);

const unknownKey = (path: Path, key: string, source: YamlSource): ConfigProblem => {
  const kind = source.nodeAt([...path, 'kind']);
  const possible = keysAt(path, isScalar(kind) ? kind.value : undefined);
  const free = possible.filter((candidate) => source.nodeAt([...path, candidate]) === undefined);
  return source.problem([...path, key], `unknown key \`${key}\`${didYouMean(key, free)}`, 'key');
};

const unexpectedValue = (path: Path, node: Node, source: YamlSource, substitution: Substitution): ConfigProblem => {
  const schemas = schemasAt(path);
  const expected = `expected ${describeExpected(schemas)}, got ${describeFound(node, path, substitution)}`;
  return source.problem(path, describeMistake(node, schemas, substitution) ?? expected + describeRemedy(node, schemas));
};
