import { isScalar } from 'yaml';
import { AUTO_MODEL } from '../contract/vocabulary.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Path } from './json-schema.ts';
import type { ConfigProblem } from './loaded-config.ts';
import type { References } from './references.ts';
import type { Substitution } from './substitute.ts';
import { defaultsOf } from './upstream-defaults.ts';
import type { YamlSource } from './yaml-source.ts';

/** What the schema cannot see: names that must exist, be unique or fit, and keys that need or exclude each other. */
export const crossCheck = (references: References, source: YamlSource, { written }: Substitution): ConfigProblem[] => {
  const check = new Check(references, source, written);
  check.upstreams();
  check.tiers();
  check.models();
  check.passThrough();
  check.routes();
  check.teams();
  check.tests();
  return check.problems;
};

class Check {
  readonly problems: ConfigProblem[] = [];
  readonly #file: References;
  readonly #source: YamlSource;
  readonly #written: Substitution['written'];
  readonly #tierNames: (string | undefined)[];
  readonly #routeNames: (string | undefined)[];
  readonly #teamNames: string[];

  constructor(file: References, source: YamlSource, written: Substitution['written']) {
    this.#file = file;
    this.#source = source;
    this.#written = written;
    this.#tierNames = file.tiers.map(({ name }) => name);
    this.#routeNames = file.routes.map(({ name }) => name);
    this.#teamNames = [...new Set([...Object.keys(file.teams), 'default'])];
  }

  upstreams(): void {
    for (const [name, { kind, url }] of Object.entries(this.#file.upstreams)) {
      const defaults = defaultsOf(kind);
      if (defaults && kind !== 'llama' && defaults.url === undefined && url === undefined) {
        this.#report(['upstreams', name, 'url'], `the key \`url\` is missing: kind \`${kind}\` has no default URL`);
      }
    }
  }

  tiers(): void {
    this.#mustBeUnique('tier', 'tiers', this.#tierNames);
    for (const [index, { name, models }] of this.#file.tiers.entries()) {
      const path = ['tiers', index];
      if (name !== undefined && this.#routeNames.includes(name)) {
        const line = this.#lineOf(['routes', this.#routeNames.indexOf(name), 'name']);
        const shown = this.#shown([...path, 'name'], name);
        this.#report([...path, 'name'], `the tier name \`${shown}\` is also the route in line ${line}`);
      }
      for (const [position, { upstream, model }] of models.entries()) {
        this.#model([...path, 'models', position], upstream, model);
      }
      if (models.length > 0 && models.every(({ weight }) => weight === 0)) {
        const message = 'every model of this tier has weight 0, so none would be used; give one a weight';
        this.#report([...path, 'models'], message, 'key');
      }
    }
  }

  passThrough(): void {
    const { passThrough, upstreams } = this.#file;
    const { upstream } = passThrough;
    if (upstream === undefined || upstream === 'none') return;
    const path = ['passThrough', 'upstream'];
    this.#mustBeKnown('upstream', path, upstream, Object.keys(upstreams));
    if (Object.hasOwn(upstreams, upstream) && upstreams[upstream]?.kind === 'llama') {
      this.#report(path, 'a `llama` upstream has no other endpoints to pass requests to');
    }
  }

  models(): void {
    for (const [index, { name, upstream, model }] of this.#file.models.entries()) {
      const path = ['models', index];
      this.#model(path, upstream, model);
      const called = name ?? model;
      const other = called === AUTO_MODEL || this.#tierNames.includes(called) || this.#routeNames.includes(called);
      if (called !== undefined && other) {
        this.#report(
          path,
          `no model can be called \`${called}\`: a tier or a route has that name, or it means the rules`,
        );
      }
    }
  }

  #model(path: Path, upstream: string | undefined, model: string | undefined): void {
    const { upstreams } = this.#file;
    this.#mustBeKnown('upstream', [...path, 'upstream'], upstream, Object.keys(upstreams));
    const kind = upstream !== undefined && Object.hasOwn(upstreams, upstream) ? upstreams[upstream]?.kind : undefined;
    if (kind === 'llama' && model !== undefined) {
      const message = 'a `llama` upstream has one model, named at the upstream; remove `model` here';
      this.#report([...path, 'model'], message, 'key');
    } else if (kind !== 'llama' && defaultsOf(kind) && model === undefined) {
      this.#report([...path, 'model'], `the key \`model\` is missing: which model of \`${upstream}\` is meant?`);
    }
  }

  routes(): void {
    this.#mustBeUnique('route', 'routes', this.#routeNames);
    const models = this.#file.models.map(({ name, model, upstream }) => name ?? model ?? upstream);
    for (const [index, { tier, difficulty, match, budget, cache }] of this.#file.routes.entries()) {
      const path = ['routes', index];
      const [hasTier, hasDifficulty] = [isThere(tier), isThere(difficulty)];
      this.#mustBeKnown('tier', [...path, 'tier'], tier, this.#tierNames);
      this.#budget(path, budget);
      this.#mustBeKnown('model', [...path, 'cache', 'semantic', 'embeddings'], cache.semantic.embeddings, models);
      if (hasTier && hasDifficulty) {
        this.#report([...path, 'tier'], 'a route has either `tier` or `difficulty`, not both', 'key');
      } else if (!hasTier && !hasDifficulty) {
        this.#report(path, 'this route needs `tier` or `difficulty` to choose a tier by');
      }
      const teams = [...path, 'match', 'team'];
      this.#mustBeKnown('team', teams, match.team, this.#teamNames);
      for (const [position, team] of (Array.isArray(match.team) ? match.team : []).entries()) {
        this.#mustBeKnown('team', [...teams, position], team, this.#teamNames);
      }
      if (match.minTokens !== undefined && match.maxTokens !== undefined && match.minTokens > match.maxTokens) {
        this.#report([...path, 'match', 'minTokens'], '`minTokens` is above `maxTokens`, so no request would match');
      }
    }
  }

  teams(): void {
    for (const [name, { routes, budget }] of Object.entries(this.#file.teams)) {
      const path = ['teams', name];
      for (const [index, route] of routes.entries()) {
        this.#mustBeKnown('route', [...path, 'routes', index], route, this.#routeNames);
      }
      this.#budget(path, budget);
    }
  }

  #budget(path: Path, { onExceeded }: { onExceeded?: string | undefined }): void {
    this.#mustBeKnown('tier', [...path, 'budget', 'onExceeded'], onExceeded, [...this.#tierNames, 'reject']);
  }

  tests(): void {
    for (const [index, { team, expect }] of this.#file.tests.entries()) {
      const path = ['tests', index, 'expect'];
      this.#mustBeKnown('team', ['tests', index, 'team'], team, this.#teamNames);
      this.#mustBeKnown('tier', [...path, 'tier'], expect.tier, this.#tierNames);
      this.#mustBeKnown('route', [...path, 'route'], expect.route, this.#routeNames);
      if (expect.tier === undefined && expect.route === undefined && this.#source.nodeAt(path)) {
        this.#report(path, 'this test needs `tier` or `route` to compare with', 'key');
      }
    }
  }

  #mustBeKnown(what: string, path: Path, name: unknown, known: (string | undefined)[]): void {
    if (typeof name !== 'string' || known.includes(name)) return;
    const names = known.filter((candidate) => candidate !== undefined);
    this.#report(path, `unknown ${what} \`${this.#shown(path, name)}\`${didYouMean(name, names)}`);
  }

  #mustBeUnique(what: string, list: 'tiers' | 'routes', names: (string | undefined)[]): void {
    for (const [index, name] of names.entries()) {
      const path = [list, index, 'name'];
      const first = names.indexOf(name);
      if (name === AUTO_MODEL) {
        this.#report(path, `no ${what} can be called \`${AUTO_MODEL}\`: by that name clients ask for the rules`);
      } else if (name !== undefined && first < index) {
        const line = this.#lineOf([list, first, 'name']);
        this.#report(path, `the ${what} name \`${this.#shown(path, name)}\` is already taken in line ${line}`);
      }
    }
  }

  /** A name as the file has it: a variable's value is not shown. */
  #shown(path: Path, name: string): string {
    const node = this.#source.nodeAt(path);
    return (isScalar(node) && this.#written.get(node)) || name;
  }

  #lineOf(path: Path): number {
    return this.#source.problem(path, '').position.line;
  }

  #report(path: Path, message: string, at: 'key' | 'value' = 'value'): void {
    this.problems.push(this.#source.problem(path, message, at));
  }
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null;
