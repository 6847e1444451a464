import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

// The page's style.css as the style of a shadow root: its tokens and its body belong to the host,
// and dark is what Home Assistant's theme says rather than the device.
function within_a_card(): Plugin {
  const changes: [RegExp, string][] = [
    [/@media screen and \(prefers-color-scheme: dark\) \{\s*:root (\{[^}]*\})\s*\}/, ':host(.dark) $1'],
    [/:root \{\s*color-scheme: light dark;/, ':host {'],
    [/^body \{/m, ':host {'],
  ];
  return {
    name: 'within-a-card',
    enforce: 'pre',
    transform(code, id) {
      if (!id.split('?')[0]?.endsWith('/src/style.css')) return null;
      return changes.reduce((style, [from, to]) => {
        if (!from.test(style)) throw new Error(`style.css has no ${from}: adapt vite.card.config.ts.`);
        return style.replace(from, to);
      }, code);
    },
  };
}

// One file with everything inside, beside the page, so that the hub gives out the card of its own version.
export default defineConfig({
  plugins: [within_a_card(), svelte({ configFile: false, compilerOptions: { css: 'injected' } })],
  publicDir: false,
  build: {
    target: 'es2022',
    emptyOutDir: false,
    rolldownOptions: { output: { minify: true } },
    lib: { entry: 'src/card/card.ts', formats: ['es'], fileName: () => 'lenz-panel-card.js' },
  },
});
