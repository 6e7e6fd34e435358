import { Command, CommanderError } from 'commander';
import type { CliContext } from './cli/context.ts';
import { systemClock } from './lib/clock.ts';
import { programVersion } from './lib/program-version.ts';
import { UsageError } from './lib/usage-error.ts';
import { dataDirOf } from './settings.ts';

/** One of several workers, as `serve --workers` has started it. */
const openWorkerLink = async () => {
  const { RIGHTSIZE_WORKER: text } = process.env;
  if (text === undefined || process.send === undefined) return null;
  const { parseWorkerName, WorkerLink } = await import('./cluster/worker-link.ts');
  const name = parseWorkerName(text);
  return name && new WorkerLink(name, process, systemClock);
};
const worker = await openWorkerLink();

/** The process: the only file that reads the environment, listens to signals and exits. */
const context: CliContext = {
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  ...(worker && { worker }),
  onSignal(name, callback) {
    process.on(name, callback);
    return () => process.off(name, callback);
  },
};

const program = new Command('rightsize')
  .description('Answers every request with the smallest model that can answer it well.')
  .version(programVersion())
  .showHelpAfterError('(see rightsize --help)')
  .exitOverride();

let exitCode = 0;
// Each command is imported when it is called: `keys list` need not wait for a gateway's hundreds of modules.
const run =
  <Arguments extends unknown[]>(command: (...args: Arguments) => Promise<number>) =>
  async (...args: Arguments) => {
    exitCode = await command(...args);
  };
const collect = (value: string, before: string[]) => [...before, value];
const serveFlags = (command: Command): Command =>
  command
    .option('--config <file>', 'the rules (default: routes.yaml)')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <number>', 'port to listen on, 0 for any (default: 8787)')
    .option('--data-dir <directory>', 'where ledger, models and engine live (default: ./data)')
    .option('--insecure', 'listen beyond this machine without requiring a key');

serveFlags(program.command('serve', { isDefault: true }).description('start the gateway'))
  .option('--workers <number>', 'processes that answer requests; several need REDIS_URL (default: 1)')
  .action(run(async (flags) => (await import('./cli/serve.ts')).serveCommand(flags, context)));
serveFlags(
  program
    .command('demo')
    .description('everything with nothing: the model in the box, a simulated large provider, sample traffic'),
).action(run(async (flags) => (await import('./cli/demo.ts')).demoCommand(flags, context)));
program
  .command('init')
  .description('write a routes.yaml for the keys and the model servers that are here')
  .argument('[file]')
  .option('--force', 'replace a file that is there')
  .option('--stdout', 'print it instead')
  .action(run(async (file, options) => (await import('./cli/init.ts')).initCommand(file, options, context)));
serveFlags(
  program
    .command('doctor')
    .description('look at everything the gateway needs and say what to do')
    .option('--clients', 'print what to change in each client instead')
    .option('--json'),
).action(run(async (flags) => (await import('./cli/doctor/doctor.ts')).doctorCommand(flags, context)));
program
  .command('check')
  .description('validate a routes.yaml and run its tests')
  .argument('[file]')
  .option('--json')
  .action(run(async (file, options) => (await import('./cli/check.ts')).checkCommand(file, options, context)));
program
  .command('explain')
  .description('print the decision for a prompt and why; sends nothing')
  .argument('<prompt>')
  .option('--config <file>')
  .option('--model <name>', 'model name as a client would send it', 'auto')
  .option('--team <name>')
  .option('--json')
  .action(run(async (prompt, options) => (await import('./cli/explain.ts')).explainCommand(prompt, options, context)));
program
  .command('cost')
  .description('spend and savings')
  .option('--since <time>', '90m, 24h, 7d or an ISO date', '7d')
  .option('--by <dimension>', 'team, key, model, route, tier, upstream, tag, hour or day')
  .option('--tag <name>', 'with --by tag: which')
  .option('--data-dir <directory>')
  .option('--json')
  .option('--csv')
  .action(
    run(async ({ dataDir, ...options }) => {
      const directory = dataDirOf(dataDir, context.environment);
      const [{ costCommand }, { SqliteLedgerStore }] = await Promise.all([
        import('./cli/cost.ts'),
        import('./ledger/sqlite-ledger-store.ts'),
      ]);
      return costCommand(options, { ...context, openLedger: () => SqliteLedgerStore.openToRead({ directory }) });
    }),
  );
program
  .command('simulate')
  .description("what-if: the ledger's requests decided by another routes.yaml; sends nothing")
  .option('--config <file>', 'the other rules (default: routes.yaml)')
  .option('--since <time>', '90m, 24h, 7d or an ISO date', '7d')
  .option('--data-dir <directory>')
  .option('--json')
  .action(run(async (options) => (await import('./cli/simulate.ts')).simulateCommand(options, context)));
program
  .command('export')
  .description('recorded requests with their answers as JSON lines, of routes that say `record: prompts`')
  .option('--config <file>', 'whose routes must agree (default: routes.yaml)')
  .option('--since <time>', '90m, 24h, 7d or an ISO date', '30d')
  .option('--until <time>', 'the same; default now')
  .option('--route <name>', 'only these routes', collect, [])
  .option('--team <name>', 'only this team')
  .option('--tier <name>', 'only answers of this tier')
  .option('--escalated', 'only requests that a weaker model was not sure of')
  .option('--format <name>', 'openai (for fine-tuning) or full (for evaluation)', 'openai')
  .option('--data-dir <directory>')
  .action(run(async (options) => (await import('./cli/export.ts')).exportCommand(options, context)));
program
  .command('reconcile')
  .description("a provider's usage export beside the ledger, by day and model, and why they differ")
  .argument('<file>', 'CSV')
  .requiredOption('--upstream <name>', 'the upstream of routes.yaml that it is of')
  .option('--date <column>')
  .option('--model <column>')
  .option('--input <column>', 'input tokens')
  .option('--output <column>', 'output tokens')
  .option('--cost <column>', 'USD')
  .option('--data-dir <directory>')
  .option('--json')
  .action(run(async (file, options) => (await import('./cli/reconcile.ts')).reconcileCommand(file, options, context)));
const prices = program.command('prices').description('list prices of models, by kind of upstream');
prices
  .command('list')
  .description('the prices in force; routes.yaml overrides them by `price`')
  .argument('[filter]', 'part of a kind or a name')
  .option('--data-dir <directory>')
  .option('--json')
  .action(
    run(async (filter, options) => (await import('./cli/prices.ts')).pricesListCommand(filter, options, context)),
  );
prices
  .command('update')
  .description('take a newer list; the old one stays where the new one is at fault')
  .option('--from <file or URL>', 'a price list')
  .option('--force', 'take it though it is older, or has tenfold differences')
  .option('--data-dir <directory>')
  .action(run(async (options) => (await import('./cli/prices.ts')).pricesUpdateCommand(options, context)));
program
  .command('score')
  .description('difficulty of each prompt of a JSONL file')
  .requiredOption('--input <file>', 'JSONL rows {id, prompt | messages}, or - for stdin')
  .option('--model <file>', 'weights to use in place of the shipped ones')
  .action(run(async (options) => (await import('./cli/score.ts')).scoreCommand(options, context)));
program
  .command('evaluate')
  .description('how well the difficulty ranks labelled prompts')
  .requiredOption('--data <file>', 'labelled JSONL, may be given more than once', collect, [])
  .option('--model <file>')
  .option('--weak <model>')
  .option('--strong <model>')
  .option('--tiers', 'judge by the mean of each tier')
  .option('--folds <list>', 'only these folds, such as 0,1')
  .option('--json')
  .action(run(async (options) => (await import('./cli/evaluate.ts')).evaluateCommand(options, context)));
program
  .command('train')
  .description('fit the difficulty model to labelled prompts')
  .requiredOption('--data <file>', 'labelled JSONL, may be given more than once', collect, [])
  .requiredOption('--out <file>', 'the weights to write')
  .option('--report <file>', 'the table of held-out figures to write')
  .action(run(async (options) => (await import('./cli/train.ts')).trainCommand(options, context)));
program
  .command('calibrate')
  .description('fit the difficulty to labels of your own; with --confidence, what the certainty of a model means')
  .requiredOption(
    '--labels <file>',
    'JSONL {id, prompt, weak, strong}; with --confidence {id, prompt, answer | pattern}',
  )
  .requiredOption('--out <file>', 'the weights, or the confidence table, to write')
  .option('--model <name>', 'weights to start from; with --confidence, the model at the upstream')
  .option('--confidence', 'map the certainty of a model to the chance that its answer is good')
  .option('--upstream <name>', 'with --confidence: the upstream of routes.yaml to ask')
  .option('--config <file>', 'with --confidence: the rules (default: routes.yaml)')
  .option('--tokens <number>', 'with --confidence: tokens to judge by, as the route (default: 24)')
  .option('--max-tokens <number>', 'with --confidence: limit of an answer (default: 256)')
  .option('--rows <file>', 'with --confidence: where to keep the judged rows, to calibrate again without asking')
  .option('--data-dir <directory>')
  .option('--json')
  .action(
    run(async ({ confidence, ...options }) =>
      confidence
        ? (await import('./cli/calibrate-confidence.ts')).calibrateConfidenceCommand(options, context)
        : (await import('./cli/calibrate.ts')).calibrateCommand(options, context),
    ),
  );
const keys = program.command('keys').description('virtual keys of clients, and keys of people for the admin API');
keys
  .command('create')
  .description('make a key; its secret is printed once')
  .argument('<name>', 'whose it is: a person, a program')
  .option('--role <role>', 'for the admin API: viewer, or admin; without it a key for inference')
  .option('--team <name>', 'team of a client (default: default), or the only one that a viewer sees')
  .option('--route <name>', 'a route it may use, may be given more than once; default all', collect, [])
  .option('--tier <name>', 'a tier it may use, may be given more than once; default all', collect, [])
  .option('--model <name>', 'a model it may use, may be given more than once; default all', collect, [])
  .option('--tag <name=value>', 'noted on its ledger entries, may be given more than once', collect, [])
  .option('--requests-per-minute <number>')
  .option('--tokens-per-minute <number>')
  .option('--concurrent-requests <number>')
  .option('--budget <usd/period>', 'such as 20/month: day, week, month or total')
  .option('--expires <when>', '30d, 12h, 90m or an ISO date')
  .option('--data-dir <directory>')
  .option('--json')
  .action(run(async (name, options) => (await import('./cli/keys.ts')).keysCreateCommand(name, options, context)));
keys
  .command('list')
  .description('active keys, newest first')
  .option('--all', 'revoked and expired ones too')
  .option('--data-dir <directory>')
  .option('--json')
  .action(run(async (options) => (await import('./cli/keys.ts')).keysListCommand(options, context)));
keys
  .command('rotate')
  .description('a new secret for a key; the old one stays valid for a while')
  .argument('<id>', 'as keys list shows it')
  .option('--overlap <duration>', 'how long the old secret stays valid: 0m, 24h, 7d', '60m')
  .option('--data-dir <directory>')
  .option('--json')
  .action(run(async (id, options) => (await import('./cli/keys.ts')).keysRotateCommand(id, options, context)));
keys
  .command('revoke')
  .description('end a key for good, at once on every gateway')
  .argument('<id>', 'as keys list shows it')
  .option('--data-dir <directory>')
  .option('--json')
  .action(run(async (id, options) => (await import('./cli/keys.ts')).keysRevokeCommand(id, options, context)));
const models = program.command('models').description('local models: GGUF files');
models
  .command('pull')
  .description('download a model, or go on with a download')
  .argument('[model]', 'hf:owner/repo:quant, or a name of the catalogue')
  .option('--fit [wish]', 'the best for this machine: of a family (qwen), for a task (embeddings) or strength (code)')
  .option('--data-dir <directory>')
  .option('--json')
  .action(
    run(async (name, options) => (await import('./cli/models-pull.ts')).modelsPullCommand(name, options, context)),
  );
models
  .command('list')
  .description('the models of this machine, and whether each fits into memory')
  .option('--catalogue', 'those that can be pulled by name')
  .option('--data-dir <directory>')
  .option('--json')
  .action(run(async (options) => (await import('./cli/models-list.ts')).modelsListCommand(options, context)));
models
  .command('inspect')
  .description('what a model is and what it takes; downloads only its header')
  .argument('<model>', 'a file, hf:owner/repo:quant, or a name of the catalogue')
  .option('--context <tokens>', 'of one request', '8192')
  .option('--parallel <requests>', 'at the same time', '4')
  .option('--data-dir <directory>')
  .option('--json')
  .action(
    run(async (name, options) =>
      (await import('./cli/models-inspect.ts')).modelsInspectCommand(name, options, context),
    ),
  );
models
  .command('rm')
  .description('delete a model')
  .argument('<model>', 'as models list names it')
  .option('--data-dir <directory>')
  .option('--json')
  .action(run(async (name, options) => (await import('./cli/models-rm.ts')).modelsRmCommand(name, options, context)));
const cache = program.command('cache').description('the exact cache of a running gateway');
const cacheFlags = (command: Command): Command =>
  command
    .option('--team <name>', 'only entries of this team')
    .option('--route <name>', 'only entries of this route')
    .option('--older-than <duration>', 'only entries stored longer ago: 30s, 90m, 24h, 7d')
    .option('--url <url>', 'of the gateway (default: the one of this machine, at its port)')
    .option('--data-dir <directory>', 'of the gateway, where its admin key is, unless RIGHTSIZE_ADMIN_KEY is set')
    .option('--json');
cacheFlags(cache.command('stats').description('what it holds, by team and route')).action(
  run(async (options) => (await import('./cli/cache.ts')).cacheStatsCommand(options, context)),
);
cacheFlags(cache.command('clear').description('forget entries'))
  .option('--dry-run', 'only say what would be forgotten')
  .action(run(async (options) => (await import('./cli/cache.ts')).cacheClearCommand(options, context)));
program
  .command('model-host')
  .description('run the local model server alone; its own --help tells its flags')
  .allowUnknownOption()
  .helpOption(false)
  // A program of its own, with its own flags and its own end; here only for the list of commands.
  .action(() => {});
program
  .command('engine')
  .description('the engine for local models')
  .command('install')
  .description('install the engine into the data directory')
  .option('--gpu <kind>', 'off, cuda, vulkan or metal', 'off')
  .option('--data-dir <directory>')
  .action(run(async (options) => (await import('./cli/engine-install.ts')).engineInstallCommand(options, context)));

const runCommand = async (): Promise<void> => {
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      exitCode = error.exitCode === 0 ? 0 : 2;
    } else {
      process.stderr.write(`rightsize: ${error instanceof Error ? error.message : String(error)}\n`);
      exitCode = error instanceof UsageError ? 2 : 1;
    }
  }
  // Not process.exitCode: a socket that someone keeps open must not keep a finished command alive.
  process.stdout.write('', () => process.exit(exitCode));
};

if (process.argv[2] === 'model-host') await import('./model-host/main.ts');
else await runCommand();
