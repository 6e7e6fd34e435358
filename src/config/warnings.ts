import type { ConfigProblem } from './loaded-config.ts';
import type { RoutesFile } from './schema.ts';
import { defaultsOf } from './upstream-defaults.ts';
import type { YamlSource } from './yaml-source.ts';

/** What a valid file says that will not work as its author may expect. */
export const findWarnings = (routes: RoutesFile, source: YamlSource): ConfigProblem[] => [
  ...unreachableRoutes(routes, source),
  ...literalSecrets(routes, source),
];

const unreachableRoutes = ({ routes }: RoutesFile, source: YamlSource): ConfigProblem[] => {
  const catchAll = routes.findIndex(({ match }) => Object.values(match).every((condition) => condition === undefined));
  if (catchAll < 0) return [];
  const reason = `route \`${routes[catchAll]!.name}\` before it matches every request`;
  return routes
    .slice(catchAll + 1)
    .map(({ name }, index) =>
      source.problem(['routes', catchAll + 1 + index, 'name'], `route \`${name}\` is never reached: ${reason}`),
    );
};

const literalSecrets = ({ upstreams }: RoutesFile, source: YamlSource): ConfigProblem[] =>
  source.literalSecrets.map((path) => {
    const kind = path[0] === 'upstreams' ? upstreams[String(path[1])]?.kind : undefined;
    const variable = (path.at(-1) === 'apiKey' && defaultsOf(kind)?.keyVariable) || 'NAME';
    return source.problem(
      path,
      `this looks like a secret; write \`\${${variable}}\` and set that environment variable`,
    );
  });
