import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The hub may serve the page under any path.
  base: './',
  plugins: [svelte({ configFile: false })],
  build: {
    target: 'es2022',
    // Nothing inline: the hub's content security policy allows only its own files.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
