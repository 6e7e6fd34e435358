import { hasEngine } from './engine.ts';
import { installEngineIfAbsent } from './engine-install.ts';
import type { HostStatus } from './host-status.ts';
import { ModelHostError } from './model-host-error.ts';

/**
 * Sees to it that there is an engine: an installed package has none, and the first local model brings it. Nothing is
 * fetched where there is one, or where `RIGHTSIZE_ENGINE_INSTALL` is `never`.
 * @throws ModelHostError that names `rightsize engine install` when there is none and none can be had; without a network
 * that is known within seconds.
 */
export const ensureEngine = async (
  engineDir: string,
  environment: NodeJS.ProcessEnv,
  report: (status: HostStatus) => void,
): Promise<void> => {
  if (hasEngine(engineDir)) return;
  if (environment['RIGHTSIZE_ENGINE_INSTALL'] === 'never') {
    throw new ModelHostError(
      'The engine for local models, node-llama-cpp, is not installed, and RIGHTSIZE_ENGINE_INSTALL is never. Install it with: rightsize engine install',
    );
  }
  report({
    state: 'loading',
    detail: 'there is no engine for local models yet; looking for it in the package registry',
  });
  const onProgress = (line: string) =>
    report({ state: 'downloading', detail: `installing the engine (85 MB): ${line}` });
  try {
    await installEngineIfAbsent({ engineDir, environment, onProgress });
  } catch (error) {
    if (!(error instanceof ModelHostError)) throw error;
    const advice = 'It is tried again by itself; or bring it with: rightsize engine install';
    throw new ModelHostError(`${error.message} ${advice}`, { cause: error });
  }
};
