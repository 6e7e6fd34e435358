import { resolve } from 'node:path';
import { type ReadFile, resolveApiKeys } from './api-keys.ts';
import { readConfidenceTables } from './confidence-tables.ts';
import { crossCheck } from './cross-checks.ts';
import { type CheckModel, readDifficultyModel } from './difficulty-model.ts';
import type { ConfigProblem, LoadedConfig } from './loaded-config.ts';
import { decodeText, describeReadError, readFileBounded } from './read-text.ts';
import { readReferences } from './references.ts';
import { type RoutesFile, RoutesFileSchema } from './schema.ts';
import { describeIssues } from './schema-problems.ts';
import { type Environment, substituteVariables } from './substitute.ts';
import { versionOf } from './version.ts';
import { findWarnings } from './warnings.ts';
import { YamlSource } from './yaml-source.ts';

export type LoadOptions = {
  /** Path of routes.yaml; relative to the working directory. */
  file: string;
  /** What `${NAME}` stands for. */
  environment: Environment;
  /** Judges the content of a difficulty model; without it any JSON will do. */
  checkModel?: CheckModel;
  /** For tests. It need not give more than one byte above the limit of 1 MiB. */
  readFile?: ReadFile;
};

export type LoadResult = { ok: true; config: LoadedConfig } | { ok: false; problems: ConfigProblem[] };

/**
 * Reads and checks a routes.yaml. All its problems come back at once, in order of the file; a file whose YAML cannot
 * be read shows those of its syntax only. Reads the key files that it names. Never throws for what a user can cause.
 */
export const loadConfig = async ({
  file,
  environment,
  checkModel = () => {},
  readFile = readFileBounded,
}: LoadOptions): Promise<LoadResult> => {
  const absolute = resolve(file);
  const bytes = await readFile(absolute).catch((error: unknown) => describeReadError(error));
  if (typeof bytes === 'string') return fileProblem(bytes);
  const decoded = decodeText(bytes);
  if ('fault' in decoded) return fileProblem(decoded.fault);

  const source = new YamlSource(decoded.text);
  if (!source.isReadable) return failure(source.syntaxProblems);
  const substitution = substituteVariables(source, environment);
  const data = readData(source);
  if (data === null) return fileProblem('the file is empty');
  if (data === undefined) return fileProblem('the aliases in this file multiply beyond reason');

  const references = readReferences(data);
  const parsed = RoutesFileSchema.safeParse(data);
  const apiKeys = await resolveApiKeys({ file: absolute, references, source, substitution, environment, readFile });
  const problems = [
    ...source.syntaxProblems,
    ...substitution.problems,
    ...describeIssues(parsed.error?.issues ?? [], source, substitution),
    ...apiKeys.problems,
    ...crossCheck(references, source, substitution),
  ];
  if (!parsed.success || problems.length > 0) return failure(problems);

  const routes = withKeys(parsed.data, apiKeys.keys);
  const confidence = await readConfidenceTables({ file: absolute, routes, source, readFile });
  const difficulty = await readDifficultyModel({ file: absolute, routes, source, readFile, checkModel });
  const fileProblems = [...confidence.problems, ...difficulty.problems];
  if (fileProblems.length > 0) return failure(fileProblems);
  const lineOf = (index: number) => source.problem(['routes', index], '').position.line;
  const config: LoadedConfig = {
    file: absolute,
    routes,
    version: versionOf(bytes),
    missingKeys: apiKeys.missing,
    warnings: inOrder(findWarnings(routes, source)),
    confidenceTables: confidence.tables,
    difficultyModel: difficulty.model,
    routeLines: Object.fromEntries(routes.routes.map(({ name }, index) => [name, lineOf(index)])),
  };
  return { ok: true, config };
};

const readData = (source: YamlSource): unknown => {
  try {
    return source.toData() ?? null;
  } catch {
    return undefined;
  }
};

const withKeys = (routes: RoutesFile, keys: Map<string, string | undefined>): RoutesFile => {
  for (const [name, apiKey] of keys) {
    const upstream = routes.upstreams[name];
    if (upstream && upstream.kind !== 'llama') upstream.apiKey = apiKey;
  }
  return routes;
};

const fileProblem = (message: string): LoadResult =>
  failure([{ path: '', message, position: { line: 1, column: 1 }, excerpt: '' }]);

/** One problem per place: what is wrong in itself needs no remark that it also fits nothing else. */
const failure = (problems: ConfigProblem[]): LoadResult => {
  const seen = new Set<string>();
  const isNew = ({ path }: ConfigProblem) => path === '' || (!seen.has(path) && Boolean(seen.add(path)));
  return { ok: false, problems: inOrder(problems.filter(isNew)) };
};

const inOrder = (problems: ConfigProblem[]): ConfigProblem[] =>
  problems.toSorted(({ position: a }, { position: b }) => a.line - b.line || a.column - b.column);
