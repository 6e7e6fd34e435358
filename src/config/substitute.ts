import { isScalar, parse, type Scalar } from 'yaml';
import { type Path, schemasAt } from './json-schema.ts';
import type { ConfigProblem } from './loaded-config.ts';
import type { YamlSource } from './yaml-source.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type Substitution = {
  problems: ConfigProblem[];
  /** Values that came from variables, with the text the file has there: messages show that, never the value. */
  written: Map<Scalar, string>;
  /** `apiKey` values whose variable is unset or empty, with its name. */
  unsetKeys: Map<unknown, string>;
};

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const INSIDE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Puts variables into the text values of the tree, not into keys: `${NAME}`, `${NAME:-default}` where `NAME` is unset or
 * empty, `$${` for a literal `${`. Where the schema wants a number or true/false, the text is read as YAML would.
 */
export const substituteVariables = (source: YamlSource, environment: Environment): Substitution => {
  const substitution: Substitution = { problems: [], written: new Map(), unsetKeys: new Map() };
  for (const { path, node } of source.entries()) {
    if (!isScalar(node) || typeof node.value !== 'string' || !node.value.includes('${')) continue;
    const { value, faults, variables, unset } = fill(node.value, environment);
    const isKey = isApiKey(path);
    const unusable = isKey && value.trim() === '' ? variables[0] : undefined;
    substitution.written.set(node, node.value);
    if (faults.length > 0) {
      substitution.problems.push(...faults.map((message) => source.problem(path, message)));
    } else if (isKey && (unset[0] ?? unusable) !== undefined) {
      substitution.unsetKeys.set(node, (unset[0] ?? unusable)!);
    } else if (unset.length > 0) {
      const names = unset.map((name) => `\`${name}\``).join(' and ');
      const subject = unset.length > 1 ? `variables ${names} are` : `variable ${names} is`;
      const message = `the environment ${subject} not set; \`\${${unset[0]}:-default}\` would give it a default`;
      substitution.problems.push(source.problem(path, message));
    } else {
      node.value = retype(value, path);
    }
  }
  return substitution;
};

const fill = (text: string, environment: Environment) => {
  const faults: string[] = [];
  const variables: string[] = [];
  const unset: string[] = [];
  const value = text.replace(REFERENCE, (whole, inside: string | undefined, end: string) => {
    if (inside === undefined) return '${';
    const [, name, fallback] = INSIDE.exec(inside) ?? [];
    if (end === '') faults.push('`${` is never closed; write `$${` for these two characters themselves');
    else if (name === undefined) faults.push(`expected \`\${NAME}\` or \`\${NAME:-default}\`, with a variable name`);
    if (faults.length > 0 || name === undefined) return whole;
    variables.push(name);
    const found = environment[name];
    if (fallback !== undefined) return found || fallback;
    if (found === undefined) unset.push(name);
    return found ?? '';
  });
  return { value, faults: faults.slice(0, 1), variables, unset };
};

const retype = (value: string, path: Path): unknown => {
  const types = schemasAt(path).map((schema) => (schema.type === 'integer' ? 'number' : schema.type));
  if (value.length > 64 || !(types.includes('number') || types.includes('boolean'))) return value;
  try {
    const typed: unknown = parse(value);
    return (types as string[]).includes(typeof typed) ? typed : value;
  } catch {
    return value;
  }
};

const isApiKey = (path: Path): boolean => path.length === 3 && path[0] === 'upstreams' && path[2] === 'apiKey';
