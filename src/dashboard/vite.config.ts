import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Built to `dist/dashboard`, served by the gateway below `/dashboard/`; `npm run dev:dashboard` sends the rest to a gateway. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/dashboard/',
  plugins: [react()],
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    // The policy of the page allows no inline data.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1_000,
  },
  server: {
    proxy: Object.fromEntries(['/admin', '/v1', '/schema'].map((path) => [path, 'http://127.0.0.1:8787'])),
  },
});
