/** The parts of JSON Schema that routes.schema.json uses. */
type Schema = {
  $ref?: string;
  $defs?: Record<string, Schema>;
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
};

export type SchemaKey = { name: string; description?: string /** A value to write, not a key. */; isValue: boolean };

let loaded: Promise<Schema> | null = null;

/** The published schema of routes.yaml, asked for once. */
export const loadSchema = (): Promise<Schema> => {
  loaded ??= fetch('/schema/routes.json').then((response) => response.json() as Promise<Schema>);
  return loaded;
};

/** What may be written at a place of a YAML text: the keys of the mapping it is in, or the values of its key. */
export const keysAt = (schema: Schema, text: string, offset: number): SchemaKey[] => {
  const { path, key } = pathAt(text, offset);
  const parents = path.reduce<Schema[]>((found, step) => found.flatMap((at) => childrenOf(at, step, schema)), [schema]);
  if (key !== null) {
    return unique(parents.flatMap((at) => childrenOf(at, key, schema)).flatMap((at) => valuesOf(at, schema)));
  }
  return unique(
    parents
      .flatMap((at) => expand(at, schema))
      .flatMap(({ properties = {} }) =>
        Object.entries(properties).map(([name, { description }]) => ({
          name,
          ...(description !== undefined && { description }),
          isValue: false,
        })),
      ),
  );
};

/**
 * The keys that lead to a place, `-` for an entry of a list; `key` when the cursor stands behind one, where its value
 * goes. Reads indentation and flow mappings of one line, which is how people write this file.
 */
export const pathAt = (text: string, offset: number): { path: string[]; key: string | null } => {
  const lines = text.slice(0, offset).split('\n');
  const current = lines.pop() ?? '';
  const path: string[] = [];
  let indent = indentOf(current);
  const own = readLine(current);
  for (const line of lines.reverse()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const depth = indentOf(line);
    const { dashes, key } = readLine(line);
    const keyDepth = depth + dashes * 2;
    if (keyDepth < indent || (own.dashes > 0 && depth < indent)) {
      if (key !== null) path.unshift(key);
      for (let dash = 0; dash < dashes; dash++) path.unshift('-');
      indent = depth;
    } else if (keyDepth === indent && dashes > 0) {
      for (let dash = 0; dash < dashes; dash++) path.unshift('-');
      indent = depth;
    }
    if (indent === 0 && dashes === 0) break;
  }
  for (let dash = 0; dash < own.dashes; dash++) path.push('-');
  const flow = readFlow(current);
  path.push(...flow.path);
  return { path, key: flow.key ?? (flow.path.length === 0 ? own.valueOf : null) };
};

const indentOf = (line: string): number => /^ */.exec(line)?.[0].length ?? 0;

const readLine = (line: string): { dashes: number; key: string | null; valueOf: string | null } => {
  const [, marks = '', rest = ''] = /^\s*((?:- +)*)(.*)$/.exec(line) ?? [];
  const key = /^([\w.-]+):/.exec(rest)?.[1] ?? null;
  return { dashes: marks.split('-').length - 1, key, valueOf: /^[\w.-]+: +\w*$/.test(rest) ? key : null };
};

/** The keys of flow mappings and lists `{ a: [{ b: …` that are open at the end of a line. */
const readFlow = (line: string): { path: string[]; key: string | null } => {
  const open: string[][] = [];
  let key: string | null = null;
  for (const [, word, mark] of line.matchAll(/([\w.-]+)?\s*([:{}[\],])/g)) {
    if (mark === ':') {
      key = word ?? null;
      continue;
    }
    if (mark === '}' || mark === ']') open.pop();
    else if (mark !== ',') open.push([...(key === null ? [] : [key]), ...(mark === '[' ? ['-'] : [])]);
    key = null;
  }
  return { path: open.flat(), key: open.length > 0 ? key : null };
};

const expand = (schema: Schema, root: Schema): Schema[] => {
  if (schema.$ref !== undefined) {
    const target = root.$defs?.[schema.$ref.replace('#/$defs/', '')];
    return target === undefined ? [] : expand(target, root);
  }
  return [schema, ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((option) => expand(option, root))];
};

const childrenOf = (schema: Schema, step: string, root: Schema): Schema[] =>
  expand(schema, root).flatMap(({ properties, additionalProperties, items }) => {
    if (step === '-') return items === undefined ? [] : [items];
    const own = properties?.[step];
    if (own !== undefined) return [own];
    return typeof additionalProperties === 'object' ? [additionalProperties] : [];
  });

const valuesOf = (schema: Schema, root: Schema): SchemaKey[] =>
  expand(schema, root)
    .flatMap((option) => option.enum ?? (option.const === undefined ? [] : [option.const]))
    .map((value) => ({ name: String(value), isValue: true }));

const unique = (keys: SchemaKey[]): SchemaKey[] => [...new Map(keys.map((key) => [key.name, key])).values()];
