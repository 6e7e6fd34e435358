import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/**
 * A real Chromium without a window: the one that `CHROMIUM` names or that is installed, else Debian's, installed with
 * apt when this is root. @throws Error that says in one line how to get it.
 */
export const launchBrowser = async (): Promise<Browser> => {
  const executablePath = findBrowser() ?? installBrowser();
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  });
};

const findBrowser = (): string | undefined =>
  [process.env['CHROMIUM'], ...PLACES].find((path) => path !== undefined && existsSync(path));

const installBrowser = (): string => {
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit' });
    execFileSync('apt-get', ['install', '-y', '-qq', 'chromium'], { stdio: ['ignore', 'ignore', 'inherit'] });
    const found = findBrowser();
    if (found !== undefined) return found;
  }
  throw new Error('the dashboard tests need Chromium: "sudo apt-get install chromium", or set CHROMIUM to its path');
};
