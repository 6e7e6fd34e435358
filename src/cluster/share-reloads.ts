import type { ConfigSource } from '../config/config-source.ts';
import type { WorkerLink } from './worker-link.ts';

/**
 * A `reload` of one worker is one of all: it resolves when the others have read the file too, or after the limit of
 * `WorkerLink.everywhere`. So what was saved here is in force wherever the next request arrives. Each follows the file besides.
 */
export const shareReloads = (source: ConfigSource, link: WorkerLink): ConfigSource => {
  const reloadOthers = link.everywhere('config', () => source.reload());
  return {
    current: () => source.current(),
    status: () => source.status(),
    onChange: (listener) => source.onChange(listener),
    async reload() {
      await Promise.all([source.reload(), reloadOthers()]);
    },
    close: () => source.close(),
  };
};
