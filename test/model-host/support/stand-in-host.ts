import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './test-models.ts';

/**
 * A program in the model host's place that is ready at once and answers with its name: for tests of when a host runs,
 * where a real engine would only take time. A path that does not exist fails as it does in a real host.
 */
export const standInHost = (): string => {
  const path = join(temporaryFolder(), 'stand-in.mjs');
  writeFileSync(
    path,
    `import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname } from 'node:path';
const flag = (name) => process.argv[process.argv.indexOf('--' + name) + 1];
const [name, socket, model] = [flag('name'), flag('socket'), flag('model')];
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
if (model.startsWith('/') && !existsSync(model)) {
  const detail = 'The model file ' + model + ' does not exist.';
  process.send({ state: 'failed', detail, isFinal: true }, () => process.exit(1));
} else {
  process.send({ state: 'loading', detail: 'loading' });
  mkdirSync(dirname(socket), { recursive: true });
  rmSync(socket, { force: true });
  const server = createServer((request, response) => response.end(JSON.stringify({ model: name })));
  server.listen(socket, () => process.send({ state: 'ready', detail: name + ' is ' + model + ' on CPU' }));
}
`,
  );
  return path;
};
